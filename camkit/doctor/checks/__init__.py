"""The table of checks: to add one, write a file and a row. The order is that of the examination."""

from __future__ import annotations

from camkit.doctor.checks.access import access
from camkit.doctor.checks.controls import controls
from camkit.doctor.checks.exhaustion import exhaustion
from camkit.doctor.checks.formats import formats, layout
from camkit.doctor.checks.identity import identity
from camkit.doctor.checks.io import io
from camkit.doctor.checks.latency import latency
from camkit.doctor.checks.modes import modes
from camkit.doctor.checks.payload import payload
from camkit.doctor.checks.rates import rates
from camkit.doctor.checks.reconnect import reconnect
from camkit.doctor.checks.restart import restart
from camkit.doctor.checks.sequence import sequence
from camkit.doctor.checks.settings import settings
from camkit.doctor.checks.starts import starts
from camkit.doctor.checks.stream import stream
from camkit.doctor.checks.tearing import tearing
from camkit.doctor.checks.timestamps import timestamps
from camkit.doctor.examination import Check

__all__ = ["CHECKS", "INTERACTIVE"]

INTERACTIVE = frozenset({"reconnect"})  # made only when the user asks for them
CHECKS = (
    Check("access", "who may open it", access, (0.2, 0.2, 0.2), streams=False),
    Check("identity", "name and identity", identity, (0.3, 0.3, 0.3), streams=False),
    Check("formats", "listed formats", formats, (0.5, 1, 10), streams=False),
    Check("layout", "strides and sizes", layout, (0, 0, 0), streams=False, after=("formats",)),
    Check("io", "ways into memory", io, (0.5, 0.5, 1)),
    Check("stream", "frames flow", stream, (2, 6, 30)),
    Check("timestamps", "timestamps", timestamps, (0, 0, 0), after=("stream",)),
    Check("sequence", "frame numbers", sequence, (0, 0, 0), after=("stream",)),
    Check("latency", "latency", latency, (0, 0, 0), after=("stream",)),
    Check("payload", "whole frames", payload, (0.5, 1.5, 10), after=("stream",)),
    Check("rates", "frame rates", rates, (1.2, 5, 40)),
    Check("modes", "listed modes deliver", modes, (2, 8, 120)),
    Check("starts", "starting and stopping", starts, (1, 3, 20)),
    Check("restart", "restart with frames held", restart, (0.6, 0.8, 1)),
    Check("tearing", "held buffers stay as they are", tearing, (0.8, 1.5, 10)),
    Check("exhaustion", "all buffers held", exhaustion, (0.7, 0.8, 1)),
    Check("controls", "controls", controls, (1, 2, 20), streams=False),
    Check("settings", "left as it was found", settings, (0.2, 0.2, 0.2), streams=False),
    Check("reconnect", "unplug and plug in", reconnect, (60, 60, 120)),
)
