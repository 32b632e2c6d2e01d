# %% [markdown]
# # A first lesion
#
# Open the demo's store, look at a lesion, score it, draw its maps, and train f_agg for one epoch with a Trainer of your
# own. Run it cell by cell (VS Code, Spyder, or Jupyter with Jupytext), or as a whole with
# `python docs/notebooks/first-lesion.py`. It needs the runs of `make demo`. The demo's images are synthetic: no score
# here says anything about patients.

# %%
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from matplotlib.figure import Figure

import mammo
from mammo.data.plans import Quota
from mammo.data.window_sampler import CropSizes
from mammo.store.pseudonyms import read_own_ids
from mammo.training.precomputed import FLocEmbeddings
from mammo.training.saliency_source import saliency_cache

ROOT, GROUP, OUT = Path("runs/demo"), "table3", Path("first-lesion")
OUT.mkdir(exist_ok=True)

# %% [markdown]
# ## The store
#
# Images and lesions are objects. Pixels are read when they are asked for: uint16, 0 to 4095, mirrored to face right and
# cropped to the breast.

# %%
store = mammo.open_store(ROOT / "store")
print(store)
image = next(image for image in store.images if image.split == "test" and image.lesions)
lesion = image.lesions[0]
print(image, lesion)

# %%
pixels = image.pixels()
figure = Figure(figsize=(4, 6), layout="constrained")
axes = figure.add_subplot()
axes.imshow(pixels, cmap="gray", vmin=0, vmax=4095)
whole = np.zeros(pixels.shape, dtype=bool)
whole[lesion.box.row0 : lesion.box.row1, lesion.box.col0 : lesion.box.col1] = lesion.mask
axes.contour(whole, levels=[0.5], colors="orange")
axes.set_title(f"{image.laterality} {image.view}, {lesion.label}")
figure.savefig(OUT / "lesion.png")
figure

# %% [markdown]
# ## Its score
#
# A model is the folder of a finished run. It takes the DICOM file itself, and an outline in the pixels of that file:
# here a circle around the middle of the lesion, as a reader would mark it. No label is needed.

# %%
(run,) = (ROOT / GROUP).glob("fagg-sal+emb-s0-*")
model = mammo.load(run)
file = ROOT / "dicom" / read_own_ids(store.path)[image.id].path
mask, box = store.manifest.outline(lesion.id)
middle = mammo.Circle((box.row0 + box.row1) / 2, (box.col0 + box.col1) / 2, radius=max(box.height, box.width) / 2)
found = model.score(file, middle)
print(model)
print(found)

# %% [markdown]
# The outline itself gives the score that the lesion has in the tables of the run.

# %%
outline = np.zeros(image.chain.stored_shape, dtype=bool)
outline[box.row0 : box.row1, box.col0 : box.col1] = mask
print(model.score(file, outline).score)
figure = model.figure(file, outline)
figure.savefig(OUT / "windows.png")
figure

# %% [markdown]
# ## Its maps
#
# The saliency maps of the context network, malignant and benign, on the grid of the network window.

# %%
figure = Figure(figsize=(6, 5), layout="constrained")
for axes, name, values in zip(figure.subplots(1, 2), ("malignant", "benign"), found.saliency, strict=True):
    axes.imshow(values, cmap="inferno", vmin=0, vmax=max(0.1, float(found.saliency.max())))
    axes.set_title(f"{name}, largest {values.max():.2f}")
figure.savefig(OUT / "saliency.png")
figure

# %% [markdown]
# ## f_agg with a Trainer of your own
#
# MammoDataModule serves the windows, the saliency maps that the demo cached, and h, the representation by f_loc, which
# is computed once for each epoch. One epoch is not enough to learn much.

# %%
frame = store.manifest.frame
(floc,) = (ROOT / GROUP).glob("floc-*-s0-*")
(context,) = (ROOT / GROUP).glob("context-s0-*")
data = mammo.MammoDataModule(
    store=str(store.path),
    plan="patches",
    columns=("window", "saliency", "embedding"),
    crops=CropSizes(side_px=(16, 48), patch_px=32, max_angle_deg=30),
    quota=Quota(malignant=100, benign=100, outside=200, negative=200),
    batch_size=100,
    eval_batch_size=1000,
    windows_per_lesion={"val": 10, "test": 100},
    image_maps={"saliency": saliency_cache(context / "best.ckpt", ROOT, store.manifest)},
    embeddings=FLocEmbeddings(floc, "auto", "cpu"),
)
network = mammo.FAgg(["sal", "emb"], {"height": frame.height, "width": frame.width, "cell_px": frame.cell_px}, lr=1e-3)
trainer = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False)
trainer.fit(network, data)
print(f"AUC of the validation lesions after one epoch: {float(trainer.callback_metrics['val_auc']):.3f}")

# %%
batch = next(iter(data.val_dataloader()))
stack = mammo.map_stack(["sal", "emb"], batch, frame)
print(f"the map stack X of {len(stack)} windows: {tuple(stack.shape)}, saliency first, then 32 embedding maps")
