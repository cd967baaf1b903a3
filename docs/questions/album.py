"""The answers of `docs/screens.md`: what was measured for each question, the pictures beside it, and the page made of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

MOST_BYTES = 150_000
GAP = 12


@dataclass
class Answer:
    """One question, and the facts that answer it."""

    question: str
    facts: list[tuple[bool, str]] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def word(self) -> str:
        return "Yes" if self.facts and all(ok for ok, _ in self.facts) else "Not yet"


class Book:
    """Collects facts and pictures; `write` makes the page. Pictures go to `folder`, small enough to be looked at in a browser."""

    def __init__(self, questions: tuple[str, ...], folder: Path) -> None:
        self.answers = [Answer(question) for question in questions]
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()

    def say(self, number: int, ok: bool, fact: str) -> None:
        self.answers[number - 1].facts.append((ok, fact))

    def show(self, number: int, name: str, caption: str, *images: Image.Image, width: int = 960) -> None:
        """Put pictures side by side into one file of at most `width` pixels and MOST_BYTES."""
        height = min(image.height for image in images)
        scaled = [image.convert("RGB").resize((round(image.width * height / image.height), height)) for image in images]
        sheet = Image.new("RGB", (sum(each.width for each in scaled) + GAP * (len(scaled) - 1), height), "white")
        left = 0
        for each in scaled:
            sheet.paste(each, (left, 0))
            left += each.width + GAP
        if sheet.width > width:
            sheet = sheet.resize((width, round(sheet.height * width / sheet.width)), Image.Resampling.LANCZOS)
        path = self.folder / f"{name}.png"
        for colours in (128, 64, 32, 16):
            sheet.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
            if path.stat().st_size < MOST_BYTES:
                break
        else:
            raise ValueError(f"{path.name} cannot be made smaller than {MOST_BYTES} bytes.")
        self.answers[number - 1].pictures.append((name, caption))

    def write(self, path: Path, preface: str) -> None:
        """The page, with the pictures' addresses relative to it."""
        folder = self.folder.relative_to(path.parent)
        lines = [preface.strip(), "", "| | question | answer |", "|---|---|---|"]
        for number, answer in enumerate(self.answers, 1):
            lines.append(f"| {number} | [{answer.question.partition(':')[0]}](#{number}) | {answer.word} |")
        for number, answer in enumerate(self.answers, 1):
            lines += ["", f'## <a id="{number}"></a>{number}. {answer.question}', "", f"**{answer.word}.**", ""]
            lines += [f"- {'' if ok else '**no:** '}{fact}" for ok, fact in answer.facts]
            for name, caption in answer.pictures:
                lines += ["", f"![{caption}]({folder}/{name}.png)", "", f"*{caption}*"]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
