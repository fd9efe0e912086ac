"""A small tokenizer of each algorithm, trained in a moment."""

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from sentiment.inference.preprocessing import Cleaning

CLEANING = Cleaning(emoji=True)
SENTENCES = ["good film and bad meal", "smiling face with heart eyes", "red heart", "angry face", "worst phone"] * 20


def text_of(backend, ids):
    return [backend.id_to_token(i) for i in ids]


def trained(kind):
    """A small tokenizer of each algorithm, saved and read as those of the hub are."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    if kind == "WordPiece":
        backend = Tokenizer(models.WordPiece(unk_token="<unk>"))
        backend.normalizer, backend.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=special)
    elif kind == "byte BPE":
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    elif kind == "SentencePiece BPE":
        backend = Tokenizer(models.BPE(unk_token="<unk>"))
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=special)
    else:
        backend = Tokenizer(models.Unigram())
        backend.normalizer, backend.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=100, special_tokens=special, unk_token="<unk>")
    backend.train_from_iterator(SENTENCES, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
