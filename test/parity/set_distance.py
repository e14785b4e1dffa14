"""Golden values of the distance between two sets of embeddings, by torch.

Run: /opt/parity-venv/bin/python test/parity/set_distance.py   (writes test/golden/set-distance.json)

Distances are 1 - torch.nn.functional.cosine_similarity. The symmetric Chamfer distance is the mean, over both sets,
of the mean distance of a vector to its nearest one in the other set; where no cosine is below the floor, the score is
1 minus it. Vectors are rounded to float32 before anything is computed, arithmetic is float64.
"""
import json
import pathlib
import platform

import torch

CASES = [(1, 1, 3), (2, 3, 3), (4, 2, 5), (1, 6, 4), (7, 5, 8)]


def case(generator, said, meant, size):
    sets = []
    for count in (said, meant):
        # In one orthant, so that no cosine is negative.
        vectors = torch.rand((count, size), generator=generator, dtype=torch.float64) + 0.01
        sets.append((vectors / vectors.norm(dim=1, keepdim=True)).float())
    a, b = (vectors.double() for vectors in sets)
    distances = 1 - torch.nn.functional.cosine_similarity(a[:, None], b[None, :], dim=-1)
    precision = 1 - distances.min(dim=1).values.mean()
    recall = 1 - distances.min(dim=0).values.mean()
    return {
        "said": sets[0].tolist(),
        "meant": sets[1].tolist(),
        "precision": precision.item(),
        "recall": recall.item(),
        "score": ((precision + recall) / 2).item(),
    }


generator = torch.Generator().manual_seed(20260600440)
content = {
    "origin": "test/parity/set_distance.py",
    "versions": {"python": platform.python_version(), "torch": torch.__version__},
    "cases": [case(generator, *sizes) for sizes in CASES],
}
path = pathlib.Path(__file__).parents[1] / "golden" / "set-distance.json"
path.write_text(json.dumps(content, indent=1) + "\n")
