"""The offices this server knows: numbered versions of their documents, so that last year's day replays under last year's rules."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import tzinfo

from config.loader import load
from server.core.site import Site
from server.store import SiteRow, Store, Write


class UnknownSite(Exception):
    """No document of this site has been imported."""


class Sites:
    """Site values by id and version, read from the store and kept. `factor` scales the durations of hands and machines."""

    def __init__(self, store: Store, factor: float = 1.0) -> None:
        self._store, self._factor = store, factor
        self._known: dict[tuple[str, int], Site] = {}
        self._current: dict[str, int] = {}
        self.refresh()

    def ids(self) -> list[str]:
        return sorted(self._current)

    def known(self, site: str) -> bool:
        return site in self._current

    def refresh(self) -> list[str]:
        """Look for documents imported meanwhile; returns the ids whose current version has changed."""
        changed = []
        for site, version in self._store.site_version().items():
            row = self._store.site(site, version) if self._current.get(site) != version else None
            if row is not None:
                self._keep(row)
                self._current[site] = row.version
                changed.append(site)
        return changed

    def current(self, site: str) -> Site:
        if site not in self._current:
            raise UnknownSite(site)
        return self.version(site, self._current[site])

    def zone(self, site: str | None) -> tzinfo:
        """Where a site's clock hangs; the first one's for whoever belongs to none that is known here."""
        return self.current(site if site is not None and self.known(site) else self.ids()[0]).tz

    def version(self, site: str, version: int) -> Site:
        if (site, version) not in self._known:
            row = self._store.site(site, version)
            if row is None:
                raise UnknownSite(f"{site} version {version}")
            self._keep(row)
        return self._known[site, version]

    def _keep(self, row: SiteRow) -> None:
        self._known[row.site, row.version] = parse(row).scaled(self._factor)


def parse(row: SiteRow) -> Site:
    return replace(load(row.document, row.source), version=row.version)


def importing(store: Store, document: str, source: str) -> tuple[Site, Write | None]:
    """The site of a document and the step that stores it as a new version; None when the last import of this site was the same text.

    Raises `config.loader.SiteInvalid`. Comparing with the last *import* keeps what was edited on the web since.
    """
    site = load(document, source)
    sha = hashlib.sha256(document.encode()).hexdigest()
    versions = store.site_versions(site.id)
    if any(row.imported_sha == sha for row in versions[-1:]):
        return site, None
    row = SiteRow(site.id, versions[-1].version + 1 if versions else 1, document, source, sha)
    return site, lambda tx: tx.put_site(row)
