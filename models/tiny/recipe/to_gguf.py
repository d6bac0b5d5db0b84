"""Weights and vocabulary into one GGUF file that llama.cpp loads as a Llama model.

Matrices are stored as Q8_0, norms as F32. The output layer is the embedding, so it is not stored: llama.cpp
takes `token_embd` where `output` is absent.
"""

from pathlib import Path

import gguf
import jax
import numpy as np

from .chat import TEMPLATE
from .network import Shape, count
from .vocabulary import PRE_TOKENIZER, SPECIAL, Vocabulary

NAMES = {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}


def write_metadata(writer: gguf.GGUFWriter, shape: Shape, params: dict) -> None:
    """What the model is and how large."""
    writer.add_name("lazuli-tiny")
    writer.add_description("A tiny chat model about lazuli and Azure OpenAI, trained from scratch")
    writer.add_size_label(f"{count(params) / 1e6:.1f}M")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.norm_eps)
    writer.add_vocab_size(shape.vocab)


def write_vocabulary(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    """Tokens, merges, special tokens and the chat template."""
    tokens = vocabulary.tokens()
    kinds = [gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(vocabulary.merges())
    writer.add_bos_token_id(vocabulary.pad)
    writer.add_eos_token_id(vocabulary.end)
    writer.add_pad_token_id(vocabulary.pad)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)


def add_matrix(writer: gguf.GGUFWriter, name: str, matrix: np.ndarray) -> None:
    """One matrix, output rows first, in blocks of eight bits."""
    kind = gguf.GGMLQuantizationType.Q8_0
    packed = gguf.quants.quantize(np.ascontiguousarray(matrix, np.float32), kind)
    writer.add_tensor(name, packed, raw_dtype=kind)


def write_weights(writer: gguf.GGUFWriter, params: dict) -> None:
    """All tensors under llama.cpp's names."""
    add_matrix(writer, "token_embd.weight", params["token_embd"])
    writer.add_tensor("output_norm.weight", params["output_norm"])
    for i, layer in enumerate(params["layers"]):
        for name, value in layer.items():
            if name in NAMES:
                add_matrix(writer, f"blk.{i}.{name}.weight", value.T)
            else:
                writer.add_tensor(f"blk.{i}.{name}.weight", value)


def convert(shape: Shape, params: dict, vocabulary: Vocabulary, path: Path) -> None:
    """Write the model file."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), params)
    writer = gguf.GGUFWriter(str(path), "llama")
    write_metadata(writer, shape, params)
    write_vocabulary(writer, vocabulary)
    write_weights(writer, params)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
