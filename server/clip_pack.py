"""`moiso audio missing` and `moiso audio record`: an office's own voice, from its site document to a folder of clips."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from audio import clips, coverage, recording
from server import commands
from server.core.site import Site
from server.voice import style

LISTED = 20
"""Missing words that are printed; --json has all."""


def run(arguments: argparse.Namespace) -> int:
    """Do what `arguments.action` says. Raises commands.Failed with one sentence."""
    if arguments.clips is None:
        raise commands.Failed("Give the folder of the clips with --clips FOLDER.")
    needs = needs_of(commands.office(arguments.site or "demo", arguments.db))
    folder = Path(arguments.clips[0])
    try:
        if arguments.action == "record":
            return _record(folder, needs, arguments.recorder or recording.RECORDER)
        return _missing(folder, needs, as_json=arguments.json)
    except (clips.BadPack, recording.RecorderFailed) as problem:
        raise commands.Failed(str(problem)) from problem


def needs_of(site: Site) -> coverage.Needs:
    """What decides the sentences of this office."""
    letters = tuple(dict.fromkeys(service.letter for service in site.services))
    return coverage.Needs(letters, tuple(counter.name for counter in site.counters), style(site.voice))


def _missing(folder: Path, needs: coverage.Needs, *, as_json: bool) -> int:
    pack = clips.load(folder)
    covered, lacking = coverage.cover(pack, needs), coverage.lacking(pack, coverage.script(needs))
    if as_json:
        told = {"sentences": covered.sentences, "whole": covered.whole, "missing": covered.missing, "to_record": lacking}
        print(json.dumps(told, ensure_ascii=False), flush=True)
    else:
        print(f"{covered.whole} of {covered.sentences} sentences need no engine.")
        for words, count in list(covered.missing.items())[:LISTED]:
            print(f"  missing in {count}: {words}")
        if len(covered.missing) > LISTED:
            print(f"  and {len(covered.missing) - LISTED} more; --json lists them all.")
        if lacking:
            print("To record: " + " | ".join(lacking))
    return 1 if covered.missing else 0


def _record(folder: Path, needs: coverage.Needs, recorder: str) -> int:
    wanted = coverage.script(needs)
    pack = clips.load(folder) if (folder / clips.MANIFEST).exists() else None
    todo = coverage.lacking(pack, wanted)
    if not todo:
        print("Đã đủ: không còn câu nào phải ghi.")
        return 0
    made = recording.record(folder, "vi", todo, ask=input, say=print, recorder=recorder)
    print(f"Đã ghi {made} đoạn, còn {len(todo) - made} đoạn.")
    return 0
