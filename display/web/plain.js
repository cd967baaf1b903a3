/*
 * The wall for old TVs: one table, the order of the board, asked for every 3 s. Written for browsers of 2012 (ES5, no modules, no
 * sockets), so it shares nothing with the other pages; the board is the same.
 */
(function () {
  "use strict";

  var EVERY_MS = 3000;
  var TIMEOUT_MS = 4000;
  var STALE_AFTER_MS = 8000;
  var SITE_EVERY_MS = 60000;
  var TURN_MS = 9000;
  var ROWS = 6;
  var LONG_NAME = 44;

  var parts = location.pathname.split("/");
  var site = "/api/v1/sites/" + parts[2];
  var wall = document.getElementById("wall");
  var names = {};
  var office = "";
  var hotline = "";
  var board = null;
  var heardAt = 0;
  var drawn = "";

  function get(path, then) {
    var request = new XMLHttpRequest();
    var late = setTimeout(function () {
      request.abort();
    }, TIMEOUT_MS);
    request.onreadystatechange = function () {
      if (request.readyState !== 4) return;
      clearTimeout(late);
      var body = null;
      try {
        body = request.status === 200 ? JSON.parse(request.responseText) : null;
      } catch (unreadable) {
        body = null;
      }
      if (body) then(body);
    };
    request.open("GET", path, true);
    request.send();
  }

  function element(name, kind, text) {
    var made = document.createElement(name);
    if (kind) made.className = kind;
    if (text) made.appendChild(document.createTextNode(text));
    return made;
  }

  function range(wait) {
    var low = Math.floor(wait.low_s / 300) * 5;
    return low >= 90 ? "trên 90 phút" : low + "–" + Math.max(Math.ceil(wait.high_s / 300) * 5, low + 5) + " phút";
  }

  /** Pieces joined to lines that fit the screen; the lines take turns. */
  function inTurn(pieces, glue) {
    var most = Math.floor((46 * window.innerWidth) / window.innerHeight);
    var lines = [];
    for (var i = 0; i < pieces.length; i += 1) {
      var longer = lines.length ? lines[lines.length - 1] + glue + pieces[i] : pieces[i];
      if (lines.length && longer.length <= most) lines[lines.length - 1] = longer;
      else lines.push(pieces[i]);
    }
    return lines.length ? lines[Math.floor(new Date().getTime() / TURN_MS) % lines.length] : "";
  }

  function waitingLine() {
    var told = [];
    for (var i = 0; i < board.waiting.length; i += 1) {
      var row = board.waiting[i];
      if (row.count) told.push((row.letter + ": " + row.count + " người" + (row.wait ? " · " + range(row.wait) : "")).replace(/ /g, "\u00a0"));
    }
    return told.length ? "Đang chờ " + inTurn(told, "; ") : "Không ai chờ";
  }

  function hhmm(instant) {
    return instant.slice(11, 16);
  }

  function rows() {
    var table = element("table");
    var head = element("tr");
    head.appendChild(element("th", "", "Mời số"));
    head.appendChild(element("th", "right", "Đến quầy"));
    table.appendChild(head);
    for (var i = 0; i < board.calls.length && i < ROWS; i += 1) {
      var call = board.calls[i];
      var fresh = !stale() && new Date(call.new_until) > new Date(board.at);
      var line = element("tr", (fresh ? "new" : "") + (i === 0 ? " top" : ""));
      line.appendChild(element("td", "", call.code));
      var counter = names[call.counter] || call.counter;
      line.appendChild(element("td", counter.length > 4 ? "right named" : "right", counter));
      table.appendChild(line);
    }
    return table;
  }

  function stale() {
    return new Date().getTime() - heardAt > STALE_AFTER_MS;
  }

  function draw() {
    if (!board) return;
    var told = stale();
    var waits = waitingLine();
    var notice = board.notice ? inTurn(board.notice.split(" "), " ") : "";
    var state = JSON.stringify([board.calls, waits, notice, board.hours, hhmm(board.at), told, names, office]);
    var fresh = [];
    for (var i = 0; i < board.calls.length; i += 1) fresh.push(new Date(board.calls[i].new_until) > new Date(board.at));
    state += fresh.join();
    if (state === drawn) return;
    drawn = state;
    var page = element("div");
    page.appendChild(element("div", "office", office));
    page.appendChild(element("div", "clock", hhmm(board.at)));
    page.appendChild(element("div", "end"));
    if (board.calls.length) page.appendChild(rows());
    else page.appendChild(element("p", "line strong large", "Chưa gọi số nào"));
    if (board.hours.state !== "open" && board.hours.reason) page.appendChild(element("p", "line strong", board.hours.reason));
    page.appendChild(element("p", "line", waits));
    if (told) page.appendChild(element("p", "line stale", "Màn hình đang nối lại. Số hiện lúc " + hhmm(board.at) + ". Xin nghe loa hoặc hỏi cán bộ."));
    else if (notice) page.appendChild(element("p", "line strong", notice));
    if (hotline) page.appendChild(element("p", "line", "Đường dây nóng " + hotline));
    if (wall.firstChild) wall.replaceChild(page, wall.firstChild);
    else wall.appendChild(page);
  }

  function loadSite() {
    get(site, function (body) {
      for (var i = 0; i < body.counters.length; i += 1) names[body.counters[i].id] = body.counters[i].name.replace(/^Quầy /, "");
      office = body.name.length > LONG_NAME && body.short_name ? body.short_name : body.name;
      hotline = body.hotline || "";
      draw();
    });
  }

  function loadBoard() {
    get(site + "/halls/" + parts[3] + "/board", function (body) {
      board = body;
      heardAt = new Date().getTime();
      draw();
    });
    draw();
  }

  loadSite();
  loadBoard();
  setInterval(loadBoard, EVERY_MS);
  setInterval(loadSite, SITE_EVERY_MS);
  document.title = document.title.replace(" (đang mở)", "");
})();
