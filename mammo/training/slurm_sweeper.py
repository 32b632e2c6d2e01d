"""The sweeper of sweeps on Slurm; imported after Hydra has found its plugins, for which it runs their modules anew."""

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from mammo.training.slurm_launcher import SlurmLauncher


class SlurmSweeper(BasicSweeper):
    """Hydra's sweeper, except that mammo's launcher, which composes every job before it submits one, does so alone."""

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Check that the jobs can be composed, unless the launcher does."""
        if not isinstance(self.launcher, SlurmLauncher):
            super().validate_batch_is_legal(batch)
