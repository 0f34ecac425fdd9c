"""Whole functions as people write them with NumPy: arrays made, filled, swapped, added to in place."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


def cumulative(np, x, i):
    total = np.zeros(len(x) + 1)
    for k in range(len(x)):
        total[k + 1] = total[k] + x[k]
    return total


def exponential_smoothing(np, x, i):
    y = np.empty_like(x)
    y[0] = x[0]
    for t in range(1, x.shape[0]):
        y[t] = 0.3 * x[t] + 0.7 * y[t - 1]
    return y


def game_of_life(np, x, i):
    grid = np.zeros((6, 6), dtype=int)
    grid[2, 1:4] = 1
    neighbours = np.zeros((6, 6), dtype=int)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dy or dx:
                neighbours[1:-1, 1:-1] += grid[1 + dy : 5 + dy, 1 + dx : 5 + dx]
    born = (neighbours == 3) & (grid == 0)
    grid[(neighbours < 2) | (neighbours > 3)] = 0
    grid[born] = 1
    return grid


def heat_equation(np, x, i):
    u = x.copy()
    for _ in range(4):
        u[1:-1] += 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


def red_black(np, x, i):
    u = x.copy()
    u[1:-1:2] = 0.5 * (u[:-2:2] + u[2::2])[: len(u[1:-1:2])]
    u[::2] *= 0.9
    return u


def boundary(np, x, i):
    u = np.outer(x, x)
    u[0, :] = 0
    u[-1, :] = 1
    u[:, 0] = u[:, -1] = 2
    u[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
    return u


def one_hot(np, x, i):
    hot = np.zeros((len(i), 8))
    hot[np.arange(len(i)), i] = 1
    return hot


def histogram(np, x, i):
    counts = np.zeros(8, dtype=int)
    np.add.at(counts, i, 1)
    return counts


def group_means(np, x, i):
    total, count = np.zeros(8), np.zeros(8)
    np.add.at(total, i, x)
    np.add.at(count, i, 1.0)
    count[count == 0] = 1
    return total / count


def group_maxima(np, x, i):
    best = np.full(8, -np.inf)
    np.maximum.at(best, i, x)
    return best


def softmax_in_place(np, x, i):
    z = np.outer(x, x)
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)
    return z


def clipped(np, x, i):
    y = x.copy()
    y[y > 1] = 1
    y[y < -1] = -1
    return y


def swap_rows(np, x, i):
    a = np.outer(x, x + 1)
    a[[0, 2]] = a[[2, 0]]
    a[:, 1], a[:, 3] = a[:, 3].copy(), a[:, 1].copy()
    return a


def elimination(np, x, i):
    a = np.outer(x[:4], x[:4]) + 3 * np.eye(4)
    for k in range(4):
        for row in range(k + 1, 4):
            a[row] -= a[row, k] / a[k, k] * a[k]
    return a


def cholesky(np, x, i):
    a = np.outer(x[:4], x[:4]) + 4 * np.eye(4)
    l = np.zeros((4, 4))
    for j in range(4):
        l[j, j] = np.sqrt(a[j, j] - np.sum(l[j, :j] ** 2))
        l[j + 1 :, j] = (a[j + 1 :, j] - l[j + 1 :, :j] @ l[j, :j]) / l[j, j]
    return l


def horner(np, x, i):
    y = np.zeros_like(x)
    for c in (3.0, -1.0, 2.0):
        y *= x
        y += c
    return y


def moving_window(np, x, i):
    out = np.zeros(len(x) - 2)
    for k in range(3):
        out += x[k : k + len(out)]
    out /= 3
    return out


def toeplitz(np, x, i):
    n = 5
    t = np.zeros((n, n))
    for k in range(n):
        np.fill_diagonal(t[k:], x[k])
        np.fill_diagonal(t[:, k:], x[k])
    return t


def complement(np, x, i):
    view = x.reshape(-1, 2) if len(x) % 2 == 0 else x[:-1].reshape(-1, 2)
    view[:, 0], total = -view[:, 1], view.sum()
    x[-1] = total
    return x, view


def bubble(np, x, i):
    y = x[:5].copy()
    for end in range(4, 0, -1):
        for k in range(end):
            low, high = np.minimum(y[k], y[k + 1]), np.maximum(y[k], y[k + 1])
            y[k], y[k + 1] = low, high
    return y


def momentum(np, x, i):
    w, v = x.copy(), np.zeros_like(x)
    for _ in range(5):
        v *= 0.9
        v -= 0.1 * (w - 1)
        w += v
    return w, v


def inverse_permutation(np, x, i):
    order = np.argmin(x) + np.arange(len(x))
    inverse = np.empty(len(x), dtype=int)
    inverse[order % len(x)] = np.arange(len(x))
    return inverse


def block_matrix(np, x, i):
    m = np.zeros((4, 4))
    m[:2, :2] = m[2:, 2:] = x[:4].reshape(2, 2)
    m[:2, 2:] = np.eye(2)
    m.T[0] += 1
    return m


def upsampled(np, x, i):
    y = np.empty(2 * len(x) - 1)
    y[::2] = x
    y[1::2] = (x[1:] + x[:-1]) / 2
    return y


def filled_by_rows(np, x, i):
    table = np.zeros((3, len(x)))
    for k, row in enumerate(table):
        row[:] = x * k
        row[0] = k
    return table


IDIOMS = [
    f for f in dict(globals()).values() if getattr(f, "__module__", "") == __name__ and callable(f)
]
