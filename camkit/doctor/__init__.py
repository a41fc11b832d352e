"""The doctor: examines a camera and reports what it does otherwise than it says.

>>> from camkit.doctor import examine
>>> report = examine("synthetic", length="quick", only=["sequence"])
>>> report.finding("sequence").verdict
<Verdict.OK: 'ok'>
"""

from camkit.doctor.checks import CHECKS
from camkit.doctor.examination import Check, Watcher
from camkit.doctor.examine import examine, seconds
from camkit.doctor.finding import Finding, Verdict
from camkit.doctor.report import Report

__all__ = ["CHECKS", "Check", "Finding", "Report", "Verdict", "Watcher", "examine", "seconds"]
