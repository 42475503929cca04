"""Reading documents, against OCRmyPDF: pages a minute, memory, mistakes, sizes, temporary files; and tiny documents."""

import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import threading
import time

from harness import Failure, Result, Table, median, size_of

VENV = pathlib.Path(__file__).resolve().parent.parent.parent / ".build" / "ocrmypdf"
WORDS = """the of and to in is that for it as was with be by on not he his but at are this have from or had an they which
one you were all her she there would their we him been has when who will no more if out so said what up its about than
into them can only other time new some could these two may first then do any like my now over such our man me even most
made after also did many off before must well back through years much where your way down should because long each just
state those people too mr how little good world make very year still see own work men day get here between both life
being under three never know same last another while us might great old against go came right states used take house
during without again place american around however home small found thought went say part once general high upon
school every invoice number paid account letter report quarter delivery garden winter river bridge paper window
""".split()
STYLES = (("scan", 200, 0), ("scan", 300, 0), ("lines", 300, 1), ("text", 0, 0))

# Run by the Python of the virtual environment: images of pages become a PDF as a scanner writes it.
SCANNER = """
import sys, img2pdf
from PIL import Image
target, dpi, bilevel, *pictures = sys.argv[1:]
made = []
for picture in pictures:
    image = Image.open(picture).convert("L")
    name = picture + (".tif" if bilevel == "1" else ".jpg")
    if bilevel == "1":
        image.point(lambda v: 255 if v > 140 else 0).convert("1").save(name, dpi=(int(dpi),) * 2, compression="group4")
    else:
        image.save(name, quality=75, dpi=(int(dpi),) * 2)
    made.append(name)
open(target, "wb").write(img2pdf.convert(made))
"""


def peer():
    """OCRmyPDF, the newest of PyPI, in a virtual environment below .build; its path and version."""
    program = VENV / "bin" / "ocrmypdf"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin" / "pip", "install", "--quiet", "ocrmypdf"], check=True)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return program, version


def lines(seed):
    chance = random.Random(seed)
    rows = []
    for _ in range(38):
        row = []
        while len(" ".join(row)) < 66:
            row.append(chance.choice(WORDS))
        rows.append(" ".join(row))
    return rows


def write_text(path, pages, width=595, height=842, size=11, top=60, left=60):
    """A PDF of lines in one of the fonts that every reader has."""
    body = {1: b"<< /Type /Catalog /Pages 2 0 R >>", 3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>"}
    kids = []
    for number, page in enumerate(pages):
        text = f"BT /F {size} Tf {left} {height - top} Td {size * 1.7:g} TL " + " ".join(f"({row}) Tj T*" for row in page) + " ET"
        n = 4 + 2 * number
        body[n] = f"<< /Length {len(text)} >>\nstream\n{text}\nendstream".encode()
        body[n + 1] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {n} 0 R "
            "/Resources << /Font << /F 3 0 R >> >> >>").encode()
        kids.append(f"{n + 1} 0 R")
    body[2] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>".encode()
    out, places = b"%PDF-1.4\n", {}
    for n in sorted(body):
        places[n] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (n, body[n])
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(body) + 1)
    out += b"".join(b"%010d 00000 n \n" % places[n] for n in sorted(body))
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(body) + 1, start)
    path.write_bytes(out)


def make(folder, count):
    """Documents of 10 pages: text, grey scans of 200 and 300 dpi, line art of 300 dpi; their truth by name."""
    folder.mkdir()
    truth = {}
    for number in range(count // 10):
        kind, dpi, bilevel = STYLES[number % len(STYLES)]
        pages = [lines(number * 100 + page) for page in range(10)]
        target = folder / f"{number}-{kind}-{dpi}.pdf"
        truth[target.name] = pages
        write_text(folder / "text.pdf", pages)
        if kind == "text":
            (folder / "text.pdf").rename(target)
            continue
        subprocess.run(["pdftoppm", "-r", str(dpi), "-gray", "text.pdf", "page"], cwd=folder, check=True)
        pictures = sorted(folder.glob("page*.pgm"))
        subprocess.run([VENV / "bin/python", "-c", SCANNER, target, str(dpi), str(bilevel), *pictures], check=True)
        for file in [*folder.glob("page*"), folder / "text.pdf"]:
            file.unlink(missing_ok=True)
    return truth


def distance(a, b):
    """Edits that make one text the other, by Myers' bit vectors."""
    masks = {}
    for place, letter in enumerate(a):
        masks[letter] = masks.get(letter, 0) | 1 << place
    full, top = (1 << len(a)) - 1, 1 << (len(a) - 1)
    up, down, score = full, 0, len(a)
    for letter in b:
        equal = masks.get(letter, 0)
        vertical = equal | down
        horizontal = (((equal & up) + up) ^ up) | equal
        more, less = down | (full & ~(horizontal | up)), up & horizontal
        if more & top:
            score += 1
        if less & top:
            score -= 1
        more, less = (more << 1 | 1) & full, less << 1 & full
        up, down = less | (full & ~(vertical | more)), more & vertical
    return score


def mistakes(folder, truth):
    """Share of the letters of scanned pages that are wrong, in percent."""
    wrong = letters = 0
    for name, pages in truth.items():
        if "text" in name:
            continue
        done = subprocess.run(["pdftotext", "-raw", folder / name, "-"], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{name}: {done.stderr}")
        for page, text in zip(pages, done.stdout.split("\f")):
            true = " ".join(page)
            wrong += distance(true, " ".join(text.split()))
            letters += len(true)
    return 100 * wrong / letters


class Watch(threading.Thread):
    """Memory of a program with all its children (shared pages once), and what is in folders, at their highest."""

    def __init__(self, pid, folders):
        super().__init__(daemon=True)
        self.pid, self.folders, self.memory, self.disk, self.ends = pid, folders, 0, 0, threading.Event()

    def run(self):
        while not self.ends.wait(0.1):
            self.memory = max(self.memory, sum(map(memory, family(self.pid))))
            self.disk = max(self.disk, sum(size_now(folder) for folder in self.folders))


def family(root):
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = pathlib.Path("/proc", name, "stat").read_text()
                parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(name))
            except OSError:
                pass
    found, open_ones = [], [root]
    while open_ones:
        process = open_ones.pop()
        found.append(process)
        open_ones += parents.get(process, [])
    return found


def memory(process):
    try:
        text = pathlib.Path("/proc", str(process), "smaps_rollup").read_text()
    except OSError:
        return 0
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1]) * 1024 if "Pss:" in text else 0


def size_now(folder):
    try:
        return size_of(folder)
    except OSError:
        return 0


def timed(command, folder, watched, environment=None):
    """Seconds, and the highest memory and disk."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, env={**os.environ, **(environment or {})})
    watch = Watch(process.pid, watched)
    watch.start()
    errors = process.stderr.read()
    code = process.wait()
    spent = time.perf_counter() - begin
    watch.ends.set()
    watch.join()
    if code != 0:
        raise Failure(f"{' '.join(map(str, command))}: {errors[-2000:]}")
    return spent, watch.memory, watch.disk


def scene(bench, name):
    folder = bench.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    subprocess.run(["sqlite3", folder / "app.db", "CREATE TABLE t(a INTEGER PRIMARY KEY)"], check=True)
    (folder / "batchmgr.yaml").write_text("databases:\n  main: {path: app.db}\n")
    # The tables are made once in the life of a database.
    write_text(folder / "first.pdf", [lines(0)])
    bench.command("ocr", "add", "first.pdf", "--wait", cwd=folder)
    return folder


class Worker(threading.Thread):
    """A worker of ours that is asked for the words of pictures, one after the other: the engine, and nothing else."""

    def __init__(self, bench, queue, shortened):
        super().__init__(daemon=True)
        self.queue = queue
        self.shortened = shortened
        self.process = subprocess.Popen(
            [bench.batchmgr, "ocr-worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"})

    def ask(self, picture, dpi):
        request = {
            "do": "recognise", "file": str(picture), "frame": 0, "mode": "image", "dpi": dpi, "languages": "eng", "psm": 3,
            "deskew": "off", "shortened": self.shortened}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "words" not in answer:
            raise Failure(f"{picture}: {answer}")

    def run(self):
        while True:
            try:
                picture, dpi = self.queue.pop()
            except IndexError:
                break
            self.ask(picture, dpi)
        self.process.stdin.close()
        self.process.wait()


def pictures(bench, inputs):
    """The pictures of the pages without text, as files, and their resolutions."""
    folder = bench.folder / "documents-pictures"
    folder.mkdir()
    found = []
    for file in inputs:
        if "text" in file.name:
            continue
        dpi = int(file.stem.split("-")[-1])
        subprocess.run(["pdfimages", "-tiff", "-j", file, folder / file.stem], check=True)
        found += [(picture, dpi) for picture in sorted(folder.glob(file.stem + "-*"))]
    return found


def bare_engine(bench, found, shortened):
    """Seconds of two warm engines for pictures: the library as it is, or with the shortcuts of our workers."""
    queue = list(found)
    workers = [Worker(bench, queue, shortened) for _ in range(2)]
    for worker in workers:
        worker.ask(*queue[0])
    # Whoever watches costs a few percent of a core: all are watched alike.
    watch = Watch(os.getpid(), [found[0][0].parent])
    watch.start()
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    spent = time.perf_counter() - begin
    watch.ends.set()
    watch.join()
    return spent


def megabytes(count):
    return f"{count / 2**20:,.0f} MB"


def documents(bench):
    """documents: 40 mixed pages and 200 tiny documents, against the newest OCRmyPDF of PyPI."""
    program, version = peer()
    bench.say(f"OCRmyPDF {version}, two pages at once; its defaults, with --skip-text")
    count = max(10, 40 // bench.divisor)
    source = bench.folder / "documents"
    truth = make(source, count)
    inputs = sorted(source.glob("*.pdf"))
    inside = sum(file.stat().st_size for file in inputs)

    bench.say(f"reading {count} pages, and the engine alone, in turn")
    found = pictures(bench, inputs)
    rounds = []
    for _ in range(bench.repeats):
        folder = scene(bench, "documents-ours")
        rounds.append((
            timed(
                [bench.batchmgr, "ocr", "add", *inputs, "--wait", "--quiet"], folder, [folder / "data/work"],
                {"OCR_LANG": "eng"}),
            bare_engine(bench, found, False), bare_engine(bench, found, True)))
    ours, bare, shortened = (median(times) for times in zip(*[(own[0], *engines) for own, *engines in rounds]))
    own_memory, own_disk = (max(own[place] for own, *_ in rounds) for place in (1, 2))
    out = folder / "data/out"
    own_size, own_wrong = sum((out / file.name).stat().st_size for file in inputs), mistakes(out, truth)

    bench.say("one page at a time")
    single, _, _ = timed(
        [bench.batchmgr, "ocr", "add", *inputs, "--wait", "--quiet"], scene(bench, "documents-single"), [],
        {"OCR_LANG": "eng", "OCR_CONCURRENCY": "1", "PREP_CONCURRENCY": "1"})

    theirs, peer_memory, peer_disk = 0, 0, 0
    made, temporary = bench.folder / "documents-peer", bench.folder / "documents-tmp"
    made.mkdir()
    for file in inputs:
        temporary.mkdir()
        spent, most, disk = timed(
            [program, "--skip-text", "-l", "eng", "--jobs", "2", "--quiet", file, made / file.name], made, [temporary],
            {"TMPDIR": str(temporary)})
        theirs, peer_memory, peer_disk = theirs + spent, max(peer_memory, most), max(peer_disk, disk)
        shutil.rmtree(temporary)
    peer_size, peer_wrong = size_of(made), mistakes(made, truth)

    speed, peer_speed = count / ours * 60, count / theirs * 60
    results = [
        Result(
            f"{count} pages, pages a minute", f"{speed:.0f}", f"{peer_speed:.0f}", speed / peer_speed, "≥ 1.4 ×",
            speed >= 1.4 * peer_speed),
        Result(
            "all of it, against two warm engines that only read the pictures: libtesseract as it is", f"{ours:.1f} s",
            f"{bare:.1f} s", ours / bare, "≤ 1.05 ×", ours <= 1.05 * bare),
        Result("the same, against engines with our shortcuts", f"{ours:.1f} s", f"{shortened:.1f} s", ours / shortened),
        Result("two pages at once, against one", f"{ours:.1f} s", f"{single:.1f} s", single / ours),
        Result(
            "memory at most", megabytes(own_memory), megabytes(peer_memory), own_memory / peer_memory, "≤ 1 ×",
            own_memory <= peer_memory),
        Result(
            "letters that are wrong", f"{own_wrong:.2f} %", f"{peer_wrong:.2f} %", aim="no more",
            met=round(own_wrong, 2) <= round(peer_wrong, 2)),
        Result(
            f"size of the PDFs ({inside / 2**20:.2f} MB before)", f"{100 * own_size / inside:.1f} %",
            f"{100 * peer_size / inside:.1f} %", aim="≤ 105 %", met=own_size <= 1.05 * inside),
        Result(
            "temporary files at most", megabytes(own_disk), megabytes(peer_disk), aim="≤ input + 64 MB a worker",
            met=own_disk <= inside + (64 << 20) * (os.cpu_count() or 1)),
    ]
    return Table("`batchmgr`", f"OCRmyPDF {version}", results + tiny(bench, program))


def tiny(bench, program):
    count = 200 // bench.divisor
    folder = scene(bench, "tiny")
    write_text(
        folder / "text.pdf", [[f"Document number {n}", "paid by transfer"] for n in range(count)], width=300, height=100,
        size=16, top=35, left=20)
    subprocess.run(["pdftoppm", "-r", "150", "-gray", "-png", "text.pdf", "tiny"], cwd=folder, check=True)
    pictures = sorted(folder.glob("tiny-*.png"))
    bench.say(f"reading {count} tiny documents")
    ours, _, _ = timed(
        [bench.batchmgr, "ocr", "add", *pictures, "--wait", "--quiet"], folder, [], {"OCR_LANG": "eng"})
    # One after the other takes as long for each.
    some = pictures[:: max(1, count // 20)]
    theirs, _, _ = timed(
        ["sh", "-c", 'for file in "$@"; do "$0" -l eng --image-dpi 150 --quiet "$file" out.pdf || exit 1; done', program,
         *some], folder, [])
    each = theirs / len(some) * count
    return [
        Result(
            f"{count} documents of one small page", f"{ours:.1f} s", f"{each:.0f} s ({len(some)} measured)", each / ours,
            "≥ 10 ×", each >= 10 * ours)
    ]
