import copy
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from hwgen.train.callback import SQCallback
from tests.train.networks import dense, images

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore::UserWarning:torch")]

STEPS = 3


def train(rank: int, meeting: str, answers: SimpleQueue) -> None:
    """Train two stages on this rank's own data; answer all masks and the final weights."""
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    torch.manual_seed(1)
    model = dense()
    torch.manual_seed(100 + rank)  # the ranks' own randomness differs, as dropout's would
    parallel = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    sq = SQCallback(1, (0.5, 0.75, 1.0), seed=4)
    sq.start(parallel, optimizer)
    masks = []
    for epoch in range(2):
        sq.start_epoch(epoch)
        for step in range(STEPS):
            sq.start_step()
            optimizer.zero_grad()
            scores = parallel(images(16, seed=10 * rank + step))
            nn.functional.cross_entropy(scores, torch.arange(16) % 10).backward()
            optimizer.step()
            masks += [mixer.mask.tolist() for _, mixer in sq.sq.mixers]
    weights = {key: value.tolist() for key, value in model.named_parameters()}
    answers.put((rank, masks, copy.deepcopy(weights)))
    dist.barrier()
    dist.destroy_process_group()


def test_every_process_draws_the_same_masks(tmp_path: Path):
    context = mp.get_context("spawn")
    answers = context.SimpleQueue()
    meeting = f"file://{tmp_path / 'meeting'}"
    processes = mp.spawn(train, args=(meeting, answers), nprocs=2, join=False)
    (_, first, weights), (_, second, others) = sorted(answers.get() for _ in range(2))
    while not processes.join():
        pass
    assert first == second
    assert first[0] != first[2]  # another step, other masks
    assert weights == others
