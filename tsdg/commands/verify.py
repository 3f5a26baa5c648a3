"""``tsdg verify``: check a run directory against its manifest."""

from __future__ import annotations

from tsdg.commands.words import Words
from tsdg.errors import VerificationError
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """Check a run directory: one line per finding on standard output."""
    from tsdg.package.fsck import verify_run

    run = run_directory(words.arguments[0], command="tsdg verify")
    findings = verify_run(run)
    for finding in findings:
        print(finding)
    if findings:
        raise VerificationError(
            f"{run} does not hold what its manifest says: {len(findings)} findings"
        )
    print(f"{run}: every file, count and row is as its manifest says")
    return 0
