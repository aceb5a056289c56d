"""A finding of `butler doctor` as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.app.operations.doctor import DoctorFinding


def finding_line(finding: DoctorFinding) -> str:
    """Verdict, topic, what was found, and the remedy unless all is well."""
    remedy = f" -> {finding.remedy}" if finding.remedy else ""
    return f"{finding.verdict:<8} {finding.topic:<14} {finding.what}{remedy}"
