"""python -m mammo.precompute: compute the embeddings or saliency maps that f_agg reads (see conf/precompute.yaml)."""

from pathlib import Path

from omegaconf import DictConfig

from mammo.cli.commands import run
from mammo.cli.hydra_app import command
from mammo.text import print_text
from mammo.training.train_config import store_defaults


def task(cfg: DictConfig) -> None:
    """Compute what the cache lacks; print the cache's folder."""
    # Heavy: only after the configuration is checked.
    from mammo.ingestion.shard import Shard
    from mammo.training.build import checked_manifest, datamodule_of, store_line
    from mammo.training.precomputed import FLocEmbeddings, cached_saliency, precompute_embeddings
    from mammo.training.run_dir import Division, chosen_run, paired_seed
    from mammo.training.saliency_source import context_checkpoint

    manifest = checked_manifest(cfg)
    is_divided = cfg.what == "embeddings" or cfg.run is None or cfg.fold is not None
    division = Division.of(cfg.fold, manifest) if is_divided else None  # a given run's saliency maps are of all images
    print_text(store_line(cfg, manifest))
    root, shard = Path(cfg.root), Shard(cfg.shard, cfg.shards)
    if cfg.what == "embeddings":
        run = chosen_run("run", cfg.run, root, "floc", paired_seed(cfg), division)
        source = FLocEmbeddings(run, str(cfg.trainer.precision), str(cfg.trainer.accelerator), cfg.allow_targets)
        precompute_embeddings(source, datamodule_of(cfg, manifest), cfg.window_epochs or cfg.trainer.max_epochs, shard)
        print_text(source.cache.folder)
    else:
        checkpoint = context_checkpoint("run", cfg.run, root, paired_seed(cfg), division)
        where = str(cfg.trainer.precision), str(cfg.trainer.accelerator)
        print_text(cached_saliency(checkpoint, root, Path(cfg.store), *where, shard, cfg.allow_targets).folder)


main = command("precompute", store_defaults)(task)

if __name__ == "__main__":
    run(main)
