"""python -m mammo.precompute: saves embeddings or saliency maps that f_agg reads (see conf/precompute.yaml)."""

from pathlib import Path

from omegaconf import DictConfig

from mammo.door import command
from mammo.records import MammoError
from mammo.runs.build import checked_manifest, datamodule_of
from mammo.runs.folder import best_run, finished
from mammo.runs.saved import embeddings_of, saliency_of

MODELS = {"embeddings": "floc", "saliency": "context"}


def task(cfg: DictConfig) -> None:
    """Make what is missing; print where it lies."""
    if cfg.what not in MODELS:
        raise MammoError(f"what={cfg.what}: choose embeddings or saliency")
    checked_manifest(cfg)
    model = MODELS[cfg.what]
    run = best_run(Path(cfg.root), model) if cfg.run == "best" else finished(Path(cfg.run), model)
    if cfg.what == "embeddings":
        print(embeddings_of(run, datamodule_of(cfg), cfg.trainer.precision).folder)
    else:
        print(saliency_of(run, Path(cfg.store), cfg.trainer.precision).path)


main = command("precompute")(task)

if __name__ == "__main__":
    main()
