"""Writes the tokenizer's vocabularies: `python tools/import_vocabularies.py RANKS_FOLDER`.

RANKS_FOLDER is `dist/ranks` of the npm package js-tiktoken (MIT), unpacked. Each vocabulary is turned back into OpenAI's
`.tiktoken` file, held against the SHA-256 that tiktoken itself demands of its download, and stored compressed.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "src" / "keyhouse" / "ledger" / "data"
# The expected_hash constants of tiktoken_ext/openai_public.py.
EXPECTED = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}


def tiktoken_file(module: str) -> bytes:
    """OpenAI's `.tiktoken` file (a base64 token and its rank a line) from a ranks module of js-tiktoken."""
    packed = json.loads(module.removeprefix("export default").strip().removesuffix(";"))["bpe_ranks"]
    ranks: dict[int, str] = {}
    for line in packed.splitlines():
        _, first, *tokens = line.split(" ")
        ranks.update(enumerate(tokens, int(first)))
    return "".join(f"{token} {rank}\n" for rank, token in sorted(ranks.items())).encode()


def main(ranks_folder: str) -> None:
    DATA.mkdir(exist_ok=True)
    for name, expected in EXPECTED.items():
        content = tiktoken_file((Path(ranks_folder) / f"{name}.js").read_text(encoding="utf-8"))
        if hashlib.sha256(content).hexdigest() != expected:
            raise SystemExit(f"{name}: the ranks are not OpenAI's (SHA-256 differs); nothing was written for it.")
        packed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
        (DATA / f"{name}.tiktoken.xz").write_bytes(packed)
        sys.stderr.write(f"{name}: {len(content):,} bytes, {len(packed):,} stored\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
