"""Filters for what is kept for a while: temporary files, and the caches of torch and Hugging Face."""

from __future__ import annotations

from roar.api.filters import Filter, FilterContext, Matcher
from roar.filters.places import Rule, by_directory, inside, named_by

_TEMP = (b"/tmp/", b"/var/tmp/", b"/dev/shm/")

_CACHES = (
    b"/.cache/torch/", b"/.cache/torch_extensions/", b"/.cache/huggingface/", b"/.cache/clip/", b"/.cache/whisper/",
    b"/.cache/openai/", b"/.cache/vllm/", b"/.cache/flashinfer/", b"/.cache/triton/", b"/.triton/", b"/.nv/ComputeCache/",
    b"/.keras/", b"/.torch/", b"/.deep_gemm/",
)  # fmt: skip
_VARIABLES = (
    b"TORCH_HOME", b"TORCH_EXTENSIONS_DIR", b"TORCHINDUCTOR_CACHE_DIR", b"TRITON_CACHE_DIR", b"CUDA_CACHE_PATH", b"HF_HOME",
    b"HF_HUB_CACHE", b"HUGGINGFACE_HUB_CACHE", b"HF_DATASETS_CACHE", b"TRANSFORMERS_CACHE", b"KERAS_HOME",
)  # fmt: skip


_INDUCTOR = b"torchinductor_"
"""``/tmp/torchinductor_<user>``."""


class TempFiles(Filter):
    """Files in the directories for temporary files, unless the workspace is there."""

    name = "temp files"
    config_key = "filters.ignore_tmp_files"
    reason = "temporary files outside the workspace don't last"
    order = 80

    def prepare(self, context: FilterContext) -> Matcher:
        """A workspace under /tmp is a workspace: what is in it is never temporary."""
        root = inside(context.root)
        prefixes = (*_TEMP, *named_by(b"TMPDIR", b"TEMP", b"TMP", context=context))
        return lambda path, direction: path.startswith(prefixes) and not path.startswith(root)


class ModelCaches(Filter):
    """Downloads and compiled kernels that torch, Hugging Face and their like keep."""

    name = "model caches"
    config_key = "filters.ignore_torch_cache"
    reason = "caches of torch and Hugging Face are downloaded or built again when they are gone"
    order = 50

    def prepare(self, context: FilterContext) -> Matcher:
        """Also where the caches' own variables (``HF_HOME`` …) put them."""
        cached = in_model_caches(context)
        return lambda path, direction: cached(path)


def in_model_caches(context: FilterContext) -> Rule:
    """Whether a file is in one of the caches, in its usual place or where its variable puts it."""
    moved = named_by(*_VARIABLES, context=context)
    return by_directory(
        (*_CACHES, *moved), context.root, lambda directory: directory[:-1].rpartition(b"/")[2].startswith(_INDUCTOR)
    )
