"""An audit report as PDF, by WeasyPrint: nothing is fetched for it, from nowhere."""

from __future__ import annotations

from filiation.errors import BadInputError, MissingExtraError


def pdf_of(page: str) -> bytes:
    """Return a page of :func:`~filiation.publish.report_page.render_report` as PDF, tagged for screen readers.

    Raises
    ------
    MissingExtraError
        If WeasyPrint is missing, or the library that it sets type with.
    """
    try:
        from weasyprint import HTML
    except ImportError as error:
        raise MissingExtraError(
            "A PDF needs WeasyPrint, which is not installed. Install it with: pip install 'filiation[pdf]'. The same "
            "report as a page that any browser prints needs nothing: --to report.html"
        ) from error
    except OSError as error:  # it looks for Pango when it is imported
        raise MissingExtraError(
            f"WeasyPrint finds no Pango, which sets the type: {str(error).splitlines()[0]}. On Debian and Ubuntu: "
            "apt-get install libpango-1.0-0 libpangoft2-1.0-0. The same report as a page that any browser prints needs "
            "nothing: --to report.html"
        ) from error
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    # The picture stands in the page itself (data:); there is nothing else to be had.
    fetcher = URLFetcher(allowed_protocols=("data",), allow_redirects=False, fail_on_errors=True)
    try:
        made: bytes = HTML(string=page, url_fetcher=fetcher).write_pdf(pdf_variant="pdf/ua-1")
    except FatalURLFetchingError as error:
        raise BadInputError(f"A report fetches nothing: {error}.") from error
    return made
