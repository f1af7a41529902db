#!/usr/bin/env python3
"""Draws models/pictures/words.png, the line of text that scripts/demo reads when no other picture is given (needs Pillow)."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

TEXT = "small nets, fast"
OUT = Path(__file__).resolve().parent.parent / "models" / "pictures" / "words.png"


def main():
    font = ImageFont.truetype("DejaVuSans.ttf", 36)
    left, top, right, bottom = font.getbbox(TEXT)
    picture = Image.new("L", (right - left + 24, 48), 245)
    ImageDraw.Draw(picture).text((12 - left, (48 - (bottom - top)) // 2 - top), TEXT, font=font, fill=30)
    picture.save(OUT, optimize=True)


if __name__ == "__main__":
    main()
