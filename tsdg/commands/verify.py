"""``tsdg verify``: check a run directory against its manifest."""

from __future__ import annotations

from tsdg.amounts import counted
from tsdg.commands.words import Words
from tsdg.errors import VerificationError, shown
from tsdg.layout import MANIFEST, SNAPSHOT, run_directory


def main(words: Words) -> int:
    """Check a run directory: one line per finding on standard output."""
    from tsdg.package.fsck import verify_run

    run = run_directory(words.arguments[0], command="tsdg verify")
    if (run / SNAPSHOT).is_dir() and not (run / MANIFEST).exists():
        raise VerificationError(
            f"{run} is not finished: it has no {MANIFEST} yet; `tsdg status {run}` says what it "
            "does, `tsdg resume` goes on with it"
        )
    findings = verify_run(run)
    for finding in findings:
        print(shown(str(finding)))
    if findings:
        raise VerificationError(
            f"{run} does not hold what its manifest says: {counted(len(findings), 'finding')}"
        )
    print(f"{run}: every file, count and row is as its manifest says")
    return 0
