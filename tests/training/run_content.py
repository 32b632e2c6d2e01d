"""What a finished run holds that an interruption must not change."""

from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from mammo.training.run_files import read_result

TABLES = ("lesions.parquet", "lesions-val.parquet", "windows.parquet", "windows-val.parquet", "images.parquet")


class RunContent:
    """Weights, scores, AUCs, and the metrics of every epoch.

    Args:
        folder: of a finished run.

    Attributes:
        weights: of both checkpoints, by checkpoint and name; with weight averaging both the average and the weights.
        scores: tables by name of the file.
        aucs: of validation and test, as in result.json.
        metrics: of training and validation, by epoch and step.
    """

    def __init__(self, folder: Path) -> None:
        self.weights: dict[str, Tensor] = {}
        for name in ("best.ckpt", "last.ckpt"):
            content = torch.load(folder / name, weights_only=True)
            for key in ("state_dict", "current_model_state"):
                self.weights |= {f"{name} {key} {weight}": value for weight, value in content.get(key, {}).items()}
        self.scores = {name: pd.read_parquet(folder / name) for name in TABLES if (folder / name).exists()}
        self.aucs = {key: read_result(folder)[key] for key in ("val_auc", "test_auc")}
        rows = pd.concat([pd.read_csv(path) for path in sorted(folder.glob("metrics/*/metrics.csv"))])
        kept = [name for name in rows if name.startswith(("train_", "val_")) or name in ("epoch", "lr")]
        self.metrics = rows[[*kept, "step"]].groupby(["epoch", "step"]).last().dropna(how="all")

    def differences(self, other: "RunContent") -> list[str]:
        """What is not bit for bit the same in another run; empty if nothing is."""
        found = ["names of weights"] if self.weights.keys() != other.weights.keys() else []
        found += [name for name, value in self.weights.items() if not _same(value, other.weights.get(name))]
        found += ["files of scores"] if self.scores.keys() != other.scores.keys() else []
        found += [name for name, table in self.scores.items() if not table.equals(other.scores.get(name))]
        found += [f"AUCs: {self.aucs}, {other.aucs}"] if self.aucs != other.aucs else []
        columns = self.metrics.columns.symmetric_difference(other.metrics.columns)
        found += [f"metric {name} is in one only" for name in columns]
        if not found and not self.metrics.equals(other.metrics[self.metrics.columns]):
            found.append(f"metrics:\n{self.metrics.to_string()}\n{other.metrics.to_string()}")
        return found


def _same(value: Tensor, other: Tensor | None) -> bool:
    return other is not None and torch.equal(value, other)
