"""The recipe of lazuli-tiny: data, tokenizer, network, training, conversion, evaluation."""
