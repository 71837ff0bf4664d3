"""PDF and PNG of an HTML document, by a Chromium that is installed: no library of ours draws them."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from kairan.runtime.operator_error import OperatorError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# A page of some tables takes a second; a machine under load ten.
_SECONDS_MAX = 120
_WINDOW = "1000,2400"
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--hide-scrollbars",
    # The document needs no other host, and is given none.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def printed(html: str, *, as_pdf: bool) -> bytes:
    """Blocks for a second or more.  Raises OperatorError with what to install."""
    browser = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if browser is None:
        sentence = (
            "PDF and PNG are printed by Chromium, which is not installed; install it (apt install chromium) "
            "or write .html or .svg"
        )
        raise OperatorError(sentence)
    with tempfile.TemporaryDirectory(prefix="kairan-report-") as folder:
        page, out = (
            Path(folder, "report.html"),
            Path(folder, "report.pdf" if as_pdf else "report.png"),
        )
        page.write_text(html, encoding="utf-8")
        # Chromium's sandbox does not work for root; the page is ours, and runs no script.
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
        what = (
            (f"--print-to-pdf={out}", "--no-pdf-header-footer")
            if as_pdf
            else (f"--screenshot={out}", f"--window-size={_WINDOW}")
        )
        words = [browser, *_OPTIONS, *sandbox, f"--user-data-dir={folder}/profile", *what]
        try:
            done = subprocess.run(  # noqa: S603 - our own words and files
                [*words, page.as_uri()],
                capture_output=True,
                timeout=_SECONDS_MAX,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OperatorError(f"{browser} does not print: {error}") from error
        if not out.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise OperatorError(
                f"{browser} printed nothing: {said[-1] if said else 'it said nothing'}"
            )
        return out.read_bytes()
