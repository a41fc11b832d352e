"""The tables of gl_table.py: from what the benchmarks noted to Markdown. Each returns nothing where it has no rows."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

Rows = list[dict[str, Any]]
WAYS = ("import", "persistent", "pinned", "client", "pbo", "orphan")


def section(title: str, *words: str) -> str:
    """Put a heading above paragraphs, which are wrapped, and tables, which are not."""
    parts = [part if part.startswith("|") else textwrap.fill(part, 120, break_on_hyphens=False) for part in words]
    return "\n\n".join([f"## {title}", *parts])


def grid(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Lay out a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def named(rows: Rows, prefix: str) -> Rows:
    """Return the rows of one benchmark function."""
    return [row for row in rows if row["name"].partition("[")[0] == prefix]


def argument(row: dict[str, Any]) -> str:
    """Return the last parameter of a row's name."""
    return str(row["name"]).rstrip("]").rpartition("-")[2].rpartition("[")[2]


def rate(row: dict[str, Any] | None) -> str:
    """Tell GB/s and the share of memcpy, or the time of what copies nothing."""
    if row is None:
        return ""
    if row.get("tier", "").startswith("0"):
        return f"{row['us']:.1f} us"
    return f"{row['gb_per_s']:.0f}, {row['of_memcpy']:.2f}"


def met(values: Sequence[float], goal: float) -> str:
    return f"{sum(value >= goal for value in values)} of {len(values)}"


def uploads(rows: Rows) -> str:
    """A frame into textures: ours and the others."""
    best = named(rows, "bench_beside_peers")
    if not best:
        return ""
    cuda = {(row["format"], tuple(row["size"])): row for row in named(rows, "bench_cuda_memcpy")}
    table, shares = [], []
    for row in best:
        place = row["format"], tuple(row["size"])

        def one(name: str, which: str, place: tuple[str, tuple[int, ...]] = place) -> dict[str, Any] | None:
            found = [r for r in named(rows, name) if (r["format"], tuple(r["size"])) == place]
            return next((r for r in found if name == "bench_memcpy" or argument(r) == which), None)

        plain = one("bench_memcpy", "")
        line = [f"{place[0]} {place[1][0]}x{place[1][1]}", f"{plain['gb_per_s']:.0f}" if plain else ""]
        line += [rate(one("bench_upload", way)) for way in WAYS]
        line += [f"{row['transfer']} {row['of_memcpy']:.2f}"]
        line += [f"{row[f'of_{peer}']:.2f}" for peer in ("pyopengl", "moderngl", "vispy")]
        if cuda:
            mine = [r for r in rows if "of_cuda_memcpy" in r and (r["format"], tuple(r["size"])) == place]
            # What copies nothing is no rate.
            shares.append(max(r["of_cuda_memcpy"] for r in mine if not r.get("tier", "").startswith("0")))
            line += [f"{cuda[place]['gb_per_s']:.1f}", f"{row['of_cuda_memcpy']:.2f}", f"{shares[-1]:.2f}"]
        table.append(line)
    head = ["format, size", "`memcpy`", *(f"`{way}`" for way in WAYS), "taken", "PyOpenGL", "moderngl", "vispy"]
    how = (
        "`bench_upload.py`, glFinish included, the least of all rounds: GB/s, and the share of `memcpy` of the same "
        "bytes, measured by turns. `import` copies nothing, so that it has a time and not a rate. `taken`: the way "
        "that the ladder takes by itself for frames in plain memory, by turns with `memcpy`; and by turns with the "
        "others, on the same context, their times in times ours."
    )
    said = (
        f"At least 0.9 of `memcpy`: {met([row['of_memcpy'] for row in best], 0.9)}. At least as fast as the fastest of "
        f"the others: {met([row['of_best_peer'] for row in best], 0.995)}, the least "
        f"{min(row['of_best_peer'] for row in best):.2f}."
    )
    if cuda:
        head += ["cudaMemcpy", "taken, of it", "best way, of it"]
        said += (
            " cudaMemcpy: GB/s from pinned memory to the GPU's; at least 0.85 of it by the best way that copies: "
            f"{met(shares, 0.85)}; by the one taken for plain memory: "
            f"{met([row['of_cuda_memcpy'] for row in best], 0.85)}."
        )
    drawn = [f"{row['format']} {row['size'][0]}x{row['size'][1]} {row['us'] / 1e3:.1f} ms"
             for row in named(rows, "bench_upload_and_conversion")]  # fmt: skip
    shown = [f"Uploaded, converted and finished, `Offscreen.show`: {', '.join(drawn)}."] if drawn else []
    return section("Frames into textures", how, said, grid(head, table), *shown)


def stalls(rows: Rows) -> str:
    """What another thread of Python meets."""
    names = {
        "bench_nobody": "nobody uploads",
        "bench_camkit": "`Ladder.fill` in a loop of Python",
        "bench_camkit_pipeline": "a pipeline that uploads and draws",
        "bench_moderngl": "moderngl's `write` and `finish`",
    }
    found = [(words, named(rows, name)[0]) for name, words in names.items() if named(rows, name)]
    if not found:
        return ""
    table = [[words, *(f"{row['longest_ms'][key]:.2f} ms" for key in ("median", "lowest", "highest")), row["uploads"]]
             for words, row in found]  # fmt: skip
    return section(
        "Other threads meanwhile",
        "`bench_stall.py`, 3840x2160 RGBA32 uploaded again and again while another Python "
        "thread looks at the clock: its longest pause in windows of 0.1 s, ten of them. Less than 1 ms is wanted.",
        grid(["who uploads", "median", "lowest", "highest", "uploads"], table),
    )


def conversions(rows: Rows) -> str:
    """Drawing beside a plain copy."""
    found = named(rows, "bench_convert")
    if not found:
        return ""
    sizes = list(dict.fromkeys(tuple(row["size"]) for row in found))
    formats = list(dict.fromkeys(row["format"] for row in found))
    table = []
    for size in sizes:
        cells = {row["format"]: row for row in found if tuple(row["size"]) == size}
        blit = min(row["blit_us"] for row in cells.values()) / 1e3
        line = [f"{size[0]}x{size[1]}", f"{blit:.2f} ms"]
        table.append(line + [f"{cells[name]['of_blit']:.2f}" if name in cells else "" for name in formats])
    return section(
        "Pictures from textures",
        "`bench_convert.py`: the drawing alone, in times a shader that copies texels of the same size, by turns.",
        grid(["size", "copy", *formats], table),
    )


def submits(rows: Rows) -> str:
    """What is camkit's own of a frame."""
    found = named(rows, "bench_submit")
    if not found:
        return ""
    table = []
    for row in sorted(found, key=argument):
        low, high = row["above_95"]
        times = [f"{row[key]:.2f}" for key in ("alone_us", "above_us", "above_64th_us", "driver_us")]
        times.insert(2, f"{low:.2f} to {high:.2f}")
        table.append([argument(row), row["name"].partition("[")[2].partition("-")[0], *times])
    return section(
        "What camkit itself costs",
        "`bench_gl_submit.py`, CPU time of the sink's thread for a frame, in us. Alone: the driver's functions do "
        "nothing (5 us at most are wanted on a way without copies). Above the driver: the median of "
        f"{found[0]['pairs']} pairs of a frame through the sink and the same calls by bare pointers, which take turns "
        "(2 us at most are wanted), and where it lies with 95 % by a bootstrap of the pairs. A 64th frame also asks "
        "the driver for the GPU's clock and for errors.",
        grid(["way", "format", "alone", "above the driver", "95 %", "a 64th frame", "driver"], table),
    )


def pacing(rows: Rows) -> str:
    """From the planned latch to the end of the swap."""
    found = named(rows, "test_latch_to_swap")
    if not found:
        return ""
    table = []
    for row in found:
        took, shown = row["latch_to_swap_us"], row["pictures"]
        table.append([argument(row), took["p50"], took["p99"], took["max"], row["jitter_us"], shown["shown"],
                      shown["repeats"], shown["misses"]])  # fmt: skip
    for row in named(rows, "test_sleep"):
        late = row["late_us"]
        table.append(["a thread that sleeps only", late["p50"], late["p99"], late["max"], row["jitter_us"], "", "", ""])
    return section(
        "Latch to swap",
        "`bench_pacing.py`: from the moment planned for a late latch to the end of its swap, 160x120 "
        "YUYV of 120 frames a second on a screen of 60 Hz that exists in numbers only, 5 s, in us. Jitter is p99 less "
        "p50.",
        grid(["mode", "p50", "p99", "max", "jitter", "shown", "repeats", "misses"], table),
    )


def readbacks(rows: Rows) -> str:
    """Pictures out of the GPU's memory."""
    names = {
        "bench_render": "Render, ", "bench_offscreen_readback": "Offscreen.readback",
        "bench_pyopengl_read_pixels": "PyOpenGL, glReadPixels", "bench_moderngl_read_into": "moderngl, read_into",
    }  # fmt: skip
    table = []
    for name, words in names.items():
        for row in named(rows, name):
            who = words + (f"`{argument(row)}`" if words.endswith(", ") else "")
            table.append([who, f"{row['fps']:.0f}", f"{row['stall_us'] / 1e3:.2f} ms"])
    if not table:
        return ""
    return section(
        "Pictures out of the GPU's memory",
        "`bench_readback.py`: 1280x720 RGBA32 drawn, read, and looked at for 4 ms: "
        "pictures a second, and how long one holds up the thread that draws, at the median.",
        grid(["way", "pictures/s", "held up"], table),
    )


TABLES: tuple[Callable[[Rows], str], ...] = (uploads, stalls, conversions, submits, pacing, readbacks)
