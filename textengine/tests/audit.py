"""`make audit`: asks whether what is installed has known holes.

A hole that another release mends fails it. That nobody could be asked is said, and fails nothing: it says nothing of
the packages, and is so on a machine that reaches nothing but packages.
"""

import json
import subprocess
import sys

COMMAND = [sys.executable, "-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off"]
TIMEOUT_SECONDS = 120


def main() -> int:
    lines, code = judged(report())
    print("\n".join(lines))  # noqa: T201
    return code


def report() -> dict:
    """Return what pip-audit says of each package; nothing where it could not ask."""
    try:
        ended = subprocess.run(COMMAND, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
        return json.loads(ended.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return {"dependencies": []}


def judged(report: dict) -> tuple[list[str], int]:
    """Return what there is to say of the packages, and the exit code."""
    asked = [each for each in report["dependencies"] if "skip_reason" not in each]
    holes = [(each, hole) for each in asked for hole in each["vulns"]]
    lines = [in_words(each, hole) for each, hole in holes]
    if asked:
        lines.append(f"Packages audited: {len(asked)}; with holes: {len({each['name'] for each, _ in holes})}.")
    unasked = len(report["dependencies"]) - len(asked)
    if unasked or not asked:
        lines.append(
            f"NOT AUDITED: {unasked or 'all'}, since their known holes could not be asked for from here. "
            "Run `make audit` where the internet is."
        )
    return lines, int(any(hole["fix_versions"] for _, hole in holes))


def in_words(package: dict, hole: dict) -> str:
    mended = f"mended in {', '.join(hole['fix_versions'])}" if hole["fix_versions"] else "mended nowhere yet"
    return f"{package['name']} {package['version']} has {hole['id']}, {mended}."


if __name__ == "__main__":
    sys.exit(main())
