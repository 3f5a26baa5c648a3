"""``tsdg verify``."""

from __future__ import annotations

from tsdg.errors import UsageError, VerificationError
from tsdg.layout import run_directory


def main(arguments: list[str]) -> int:
    """Check a run directory: one line per finding on standard output."""
    from tsdg.package.fsck import verify_run

    if len(arguments) != 1 or not arguments[0] or arguments[0].startswith("-"):
        raise UsageError("tsdg verify takes one run directory: tsdg verify RUN")
    run = run_directory(arguments[0], command="tsdg verify")
    findings = verify_run(run)
    for finding in findings:
        print(finding)
    if findings:
        raise VerificationError(
            f"{run} does not hold what its manifest says: {len(findings)} findings"
        )
    print(f"{run}: every file, count and row is as its manifest says")
    return 0
