"""Weights and vocabulary into one GGUF file that llama.cpp loads as a BERT with mean pooling.

Matrices are stored as F16; norms, biases and the small tables of positions and token types as F32, which
llama.cpp asks for. What only training needs (the pooler) is left out.
"""

from pathlib import Path

import gguf
import numpy as np

from .vocabulary import SPECIAL, phantom

ARCHITECTURE = gguf.MODEL_ARCH.BERT
LEFT_OUT = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")
ALWAYS_F32 = ("embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight")


def write_metadata(writer: gguf.GGUFWriter, config: dict) -> None:
    """What the model is and how large."""
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_organization("sentence-transformers")
    writer.add_license("apache-2.0")
    writer.add_source_url("https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)


def write_vocabulary(writer: gguf.GGUFWriter, config: dict, vocabulary: list[str]) -> None:
    """Pieces and special tokens. That case and accents are lost is llama.cpp's default for `bert`."""
    kinds = [gguf.TokenType.CONTROL if piece in SPECIAL else gguf.TokenType.NORMAL for piece in vocabulary]
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([phantom(piece) for piece in vocabulary])
    writer.add_token_types(kinds)
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_bos_token_id(vocabulary.index("[CLS]"))  # what llama.cpp puts before a text
    writer.add_sep_token_id(vocabulary.index("[SEP]"))  # and behind it
    writer.add_pad_token_id(vocabulary.index("[PAD]"))
    writer.add_unk_token_id(vocabulary.index("[UNK]"))
    writer.add_mask_token_id(vocabulary.index("[MASK]"))


def write_weights(writer: gguf.GGUFWriter, config: dict, weights: dict[str, np.ndarray]) -> None:
    """All tensors under llama.cpp's names."""
    names = gguf.get_tensor_name_map(ARCHITECTURE, config["num_hidden_layers"])
    for name, tensor in weights.items():
        if name in LEFT_OUT:
            continue
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if not mapped:
            raise ValueError(f"llama.cpp's BERT has no place for the tensor {name}")
        is_small = tensor.ndim == 1 or name in ALWAYS_F32
        writer.add_tensor(mapped, tensor.astype(np.float32 if is_small else np.float16))


def convert(config: dict, weights: dict[str, np.ndarray], vocabulary: list[str], path: Path) -> None:
    """Write the model file: a BERT in Hugging Face's form, with its pieces in the order of their ids."""
    writer = gguf.GGUFWriter(str(path), gguf.MODEL_ARCH_NAMES[ARCHITECTURE])
    write_metadata(writer, config)
    write_vocabulary(writer, config, vocabulary)
    write_weights(writer, config, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
