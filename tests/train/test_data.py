import gzip
import struct

import numpy as np
import pytest
import torch

from hwgen.train.data import Batches, Samples, load, to_network
from hwgen.train.errors import DataError
from hwgen.train.export import InputConvention

pytestmark = pytest.mark.train

UNIT = InputConvention()


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


@pytest.fixture
def mnist_files(tmp_path):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (5, 28, 28)).astype(np.uint8)
    y = np.arange(5).astype(np.uint8)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(x))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(y)))
    return tmp_path, x, y


def test_idx_files(mnist_files):
    folder, x, y = mnist_files
    for name in ("mnist", "fashion-mnist"):
        samples = load(name, "test", folder)
        assert np.array_equal(samples.x[:, 0].numpy(), x)
        assert samples.y.tolist() == y.tolist()


def test_truncated_idx_file(mnist_files):
    folder, x, _ = mnist_files
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(x)[:-3])
    with pytest.raises(DataError, match="holds 3917 bytes of 3920; fetch it again"):
        load("mnist", "test", folder)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8b\x08")
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(x))
    with pytest.raises(DataError, match="is damaged"):
        load("mnist", "test", folder)


def test_cifar_binary_files(tmp_path):
    rng = np.random.default_rng(1)
    table = rng.integers(0, 10, (10_000, 3073)).astype(np.uint8)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "test_batch.bin").write_bytes(table.tobytes())
    samples = load("cifar10", "test", tmp_path, 7)
    assert samples.y.tolist() == table[:7, 0].tolist()
    assert np.array_equal(samples.x.numpy(), table[:7, 1:].reshape(7, 3, 32, 32))
    (folder / "test_batch.bin").write_bytes(table.tobytes()[:100])
    with pytest.raises(DataError, match=r"test_batch\.bin holds 100 bytes of 30730000"):
        load("cifar10", "test", tmp_path)


def test_npz_and_its_damage(tmp_path):
    x = np.zeros((3, 28, 28), np.uint8)
    path = tmp_path / "mnist_test.npz"
    np.savez(path, x=x, y=np.array([0, 1, 2], np.uint8))
    assert len(load("mnist", "test", tmp_path)) == 3
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="is damaged"):
        load("mnist", "test", tmp_path)
    np.savez(path, x=x[:, :20], y=np.array([0, 1, 2], np.uint8))
    with pytest.raises(DataError, match=r"expected \(N, 28, 28\)"):
        load("mnist", "test", tmp_path)


def test_shared_sets(shared):
    for name, shape in (("cifar10", (3, 32, 32)), ("gtsrb", (3, 12, 12)), ("mnist", (1, 28, 28))):
        samples = load(name, "test", shared / "data", 20)
        assert tuple(samples.x.shape) == (20, *shape)


def test_unknown_and_missing_sets(tmp_path):
    with pytest.raises(DataError, match="'emnist' is unknown; known: cifar10, digits"):
        load("emnist", "test", tmp_path)
    with pytest.raises(DataError, match=r"gtsrb is not in .*: put gtsrb12_roi_train\.npz there"):
        load("gtsrb", "train", tmp_path)


def test_digits_split_is_disjoint_and_complete(tmp_path):
    train, test = load("digits", "train", tmp_path), load("digits", "test", tmp_path)
    assert (len(train), len(test)) == (1438, 359)


def test_input_convention():
    x = torch.tensor([[[[0, 255]], [[51, 102]]]], dtype=torch.uint8)
    convention = InputConvention(mean=("0.5", "0.2"), std=("0.5", "2"))
    got = to_network(x, convention)
    torch.testing.assert_close(got, torch.tensor([[[[-1.0, 1.0]], [[0.0, 0.1]]]]))


def test_order_depends_on_seed_and_epoch():
    samples = Samples(torch.arange(100).view(100, 1).byte(), torch.arange(100))
    batches = Batches(samples, UNIT, 32, seed=3)

    def order(epoch):
        batches.set_epoch(epoch)
        return torch.cat([y for _, y in batches]).tolist()

    assert len(batches) == 3
    assert order(0) == order(0)
    assert order(0) != order(1)
    assert len(set(order(0))) == 96


def test_evaluation_batches_keep_order_and_rest():
    samples = Samples(torch.arange(100).view(100, 1).byte(), torch.arange(100))
    assert torch.cat([y for _, y in Batches(samples, UNIT, 32)]).tolist() == list(range(100))


def test_augmentation_shifts_and_mirrors():
    image = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    image[0, 0, 8, 4] = 255
    samples = Samples(image.repeat(400, 1, 1, 1), torch.zeros(400).long())
    x, _ = next(iter(Batches(samples, UNIT, 400, seed=1, augment="flip-shift")))
    places = {tuple(p) for p in x[:, 0].nonzero()[:, 1:].tolist()}
    rows, columns = {r for r, _ in places}, {c for _, c in places}
    assert rows == {6, 7, 8, 9, 10}
    assert columns == {2, 3, 4, 5, 6} | {9, 10, 11, 12, 13}
    assert torch.equal(x.flatten(1).sum(1), torch.ones(400))
