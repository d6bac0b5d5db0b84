"""`python -m recipe STEP...`: the recipe's steps: check, train, convert, evaluate."""

import argparse
import itertools
import json
import shutil
import time
from pathlib import Path

from . import check_data, check_gguf, decode, evaluate, mixture, network, source
from .mixture import Mix
from .network import Shape
from .server import Server
from .to_gguf import convert
from .train import Plan, load, save, train
from .vocabulary import Vocabulary

HERE = source.DATA.parent
SEED = 1
SHORT = Mix(tasks=0.12, cut=0.8, subjects=(64, 25, 8, 2, 1))
LAST = Mix(tasks=0.12, cut=0.75, long=0.04, subjects=(60, 27, 9, 3, 1))
ROUNDS = (
    Plan(steps=750, batch_tokens=4096, muon_rate=0.02, adam_rate=0.003, seed=SEED, mix=Mix(long=0.02)),
    Plan(steps=750, seed=SEED + 2, mix=SHORT),
    Plan(steps=1200, falling=True, seed=SEED + 4, mix=LAST),
)
QUICK_ROUNDS = (Plan(steps=40, seed=SEED), Plan(steps=20, falling=True, seed=SEED + 2, mix=LAST))
STEP_NAMES = ("check", "train", "convert", "evaluate")


def learn_vocabulary(size: int, conversations: int) -> Vocabulary:
    """Train the tokenizer on conversations like those that the network reads, of another seed."""
    talks = itertools.islice(mixture.stream(SEED + 1), conversations)
    return Vocabulary.train((turn.text for talk in talks for turn in talk), size)


def run_training(args: argparse.Namespace, shape: Shape) -> None:
    """Vocabulary and parameters, from nothing."""
    began = time.time()
    vocabulary = learn_vocabulary(shape.vocab, 2_000 if args.quick else 30_000)
    vocabulary.save(args.work / "vocabulary.json")
    params = network.init(shape, SEED)
    rounds = QUICK_ROUNDS if args.quick else ROUNDS
    for plan in rounds:
        params = train(shape, plan, vocabulary, args.work, params)
    save(params, args.work / "parameters.npz")
    facts = {
        "parameters": network.count(params),
        "steps": sum(plan.steps for plan in rounds),
        "minutes": round((time.time() - began) / 60, 1),
    }
    (args.work / "training.json").write_text(json.dumps(facts))


def run_evaluation(args: argparse.Namespace, shape: Shape, params: dict, vocabulary: Vocabulary) -> None:
    """Ask all held-out questions, print the shares, and write them down."""
    cases = evaluate.all_cases()[:: 10 if args.quick else 1]
    report: dict = {"model": json.loads((args.work / "training.json").read_text())}
    report["model"]["bytes"] = args.out.stat().st_size
    asked = {"validation": evaluate.validation_cases()[:: 10 if args.quick else 1], "jax": cases}
    for name, chosen in asked.items():
        prompts = [vocabulary.encode_prompt(case.talk) for case in chosen]
        answers = decode.answers(shape, params, vocabulary, prompts)
        report[name] = evaluate.score(chosen, answers)
        evaluate.show(name, report[name])
    if args.llama_server:
        with Server(args.llama_server, args.out, args.llama_folder) as server:
            report["same_tokens"] = not check_gguf.unequal_tokens(server, vocabulary)
            report["same_template"] = not check_gguf.unequal_templates(server)
            cases = cases + evaluate.long_cases()
            answers = server.chats(evaluate.talks_of(cases))
        report["gguf"] = evaluate.score(cases, answers)
        evaluate.show("gguf", report["gguf"])
        options = ("--embeddings", "--pooling", "mean")
        with Server(args.llama_server, args.out, args.llama_folder, *options) as server:
            report["embeddings"] = check_gguf.embedding_report(server)
    (args.work / "wrong.txt").write_text("\n".join(evaluate.wrong(cases, answers)) + "\n", encoding="utf-8")
    args.report.write_text(json.dumps(report, indent=2) + "\n")


def find_server() -> str | None:
    """llama-server from the PATH, or where lazuli's own set-up puts it."""
    own = HERE.parent.parent / ".deps" / "llama" / "llama-server"
    return shutil.which("llama-server") or (str(own) if own.exists() else None)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="recipe", description=__doc__)
    parser.add_argument("steps_to_run", nargs="*", metavar="STEP", default=STEP_NAMES, help="default: all")
    parser.add_argument("--work", type=Path, help="where intermediate files go, default work/")
    parser.add_argument("--out", type=Path, help="the model file, default lazuli-tiny.gguf")
    parser.add_argument("--report", type=Path, help="the evaluation's figures, default report.json")
    parser.add_argument("--quick", action="store_true", help="a few minutes: tries the recipe, not the model")
    parser.add_argument(
        "--llama-server", default=find_server(), help="command of llama-server"
    )
    parser.add_argument("--llama-folder", type=Path, help="working directory of llama-server")
    args = parser.parse_args()
    if unknown := set(args.steps_to_run) - set(STEP_NAMES):
        parser.error(f"unknown step: {', '.join(unknown)}")
    folder = HERE / "work" / "quick" if args.quick else HERE
    args.work = args.work or (folder if args.quick else HERE / "work")
    args.out = args.out or folder / "lazuli-tiny.gguf"
    args.report = args.report or folder / "report.json"
    return args


def main() -> None:
    """Run the steps that the command line names."""
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    shape = Shape()
    if "check" in args.steps_to_run:
        check_data.check()
    if "train" in args.steps_to_run:
        run_training(args, shape)
    if not {"convert", "evaluate"} & set(args.steps_to_run):
        return
    vocabulary = Vocabulary.load(args.work / "vocabulary.json")
    params = load(shape, args.work / "parameters.npz")
    if "convert" in args.steps_to_run:
        convert(shape, params, vocabulary, args.out)
        print(f"{args.out}: {args.out.stat().st_size:,} bytes")
    if "evaluate" in args.steps_to_run:
        run_evaluation(args, shape, params, vocabulary)


if __name__ == "__main__":
    main()
