"""Rule files from outside: used where they are right, never able to take a program down."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import eqsat_tensor as et
from eqsat_tensor.cli import app
from eqsat_tensor.rules import certificate, grant_files
from eqsat_tensor.rules.certificate import case_of

ROOT = Path(__file__).parent.parent
GOOD = """; good.egg
; cos x tan x = sin x
(rewrite (Multiply (Cos x) (Tan x)) (Sin x) :ruleset simplify :name "cos-by-tan")
"""
# wrong for half the reals
UNSOUND = """; unsound.egg
(rewrite (Sqrt (Square x)) x :when ((is-float x)) :ruleset simplify :name "root-of-square")
"""
# contradict one another, and the trial is told that they do not
CONFLICTING = """; conflicting.egg
(rewrite (Tan (Cos x)) 2.0 :when ((is-float x)) :ruleset simplify :name "is-two")
(rewrite (Sinh x) (Negative (Sinh (Negative x))) :ruleset simplify :name "odd")
(rewrite (Tan (Cos x)) 3.0 :when ((is-float x)) :ruleset simplify :name "is-three")
"""
GROWING = """; growing.egg
; x + (y + z) = (x + y) + z
(rewrite (Add x (Add y z)) (Add (Add x y) z) :ruleset simplify :name "grow")
"""
BROKEN = """; broken.egg
(rewrite (Cos x)
  (Coz x) :ruleset simplify :name "misspelt")
"""
X = np.linspace(0, 1, 5)


def formula(x):
    return et.cos(x) * et.tan(x) + et.tan(et.cos(x)) + et.sqrt(et.square(x - 1))


def hold(f):
    wanted = np.sin(X) + np.tan(np.cos(X)) + np.abs(X - 1)
    np.testing.assert_allclose(f(X), wanted, rtol=1e-14)


def write(folder, name, text):
    file = folder / f"{name}.egg"
    file.write_text(text)
    return file


@pytest.fixture
def trials(monkeypatch):
    """The trials that are run, by the packs that they try."""
    ran = []
    trial = certificate._trial

    def counted(case):
        ran.append(case.packs)
        return trial(case)

    monkeypatch.setattr(certificate, "_trial", counted)
    return ran


def trust(*files):
    """Give files the certificate that verification would give them."""
    grant_files(files)


def script(folder, code, **environment):
    """What another process prints; its warnings are printed, too."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "always"} | environment
    head = "import numpy as np, eqsat_tensor as et\nX = np.linspace(0, 1, 5)\n"
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


# ------------------------------------------------------------------------------ what becomes of packs
def test_a_right_pack_is_used_and_tried_once(tmp_path, trials):
    file = write(tmp_path, "good", GOOD)
    f = et.jit(formula, rules=[file])
    hold(f)
    story = f.explain()
    assert "cos-by-tan" in story.rules
    assert "sin(" in story.after
    et.rules._opened.cache_clear()
    certificate._held.clear()  # what is left is on the disk
    hold(et.jit(lambda x: formula(x) + 0 * x, rules=str(file)))
    assert trials == [(str(file),)]

    file.write_text(GOOD + "; another comment: another file\n")
    hold(et.jit(formula, rules=[file]))
    assert trials == [(str(file),)] * 2


def test_what_the_command_verified_is_not_tried_again(tmp_path, trials):
    file = write(tmp_path, "good", GOOD + "; verified by the command\n")
    runner = CliRunner()
    done = runner.invoke(app, ["rules", "verify", str(file), "--examples", "200"])
    assert done.exit_code == 0, done.output
    assert len(trials) == 1  # of growth
    hold(et.jit(formula, rules=[file]))
    assert len(trials) == 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("broken", BROKEN, r"broken\.egg:2: misspelt: no op, fact or function Coz; did you mean Cos"),
        ("unsound", UNSOUND, r"unsound\.egg:2: root-of-square is refuted: .*left .*right"),
        ("growing", GROWING, r"growing\.egg:3: the trial run failed: growth without end"),
        ("unnamed", "; x\n(rewrite (Cos x) x :ruleset simplify)\n", r"unnamed\.egg:2: .*without a name"),
        ("lost", '; x\n(ruleset mine :guarantee real "m")\n(rewrite (Cos (Negative x)) (Cos x) :ruleset mine :name "even")\n',
         r"lost\.egg:2: no schedule runs ruleset mine; add \(schedule"),
    ],
)  # fmt: skip
def test_a_bad_pack_is_left_out_with_its_message_once(tmp_path, name, text, said):
    good, bad = write(tmp_path, "good", GOOD), write(tmp_path, name, text)
    f = et.jit(formula, rules=[bad, good])
    with pytest.warns(et.RulePackWarning, match=said):
        hold(f)
    assert "cos-by-tan" in f.explain().rules
    hold(et.jit(lambda x: formula(x) * 1.0, rules=[bad, good]))  # silent from now on


def test_a_file_of_the_path_that_is_not_there_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("EQSAT_RULES_PATH", str(tmp_path / "none.egg"))
    with pytest.warns(et.RulePackWarning, match=r"none\.egg:1: cannot be read"):
        hold(et.jit(formula))


def test_a_file_of_the_option_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(et.RuleError, match=r"none\.egg:1: cannot be read"):
        et.jit(formula, rules=[tmp_path / "none.egg"])(X)


def test_a_refusal_is_remembered(tmp_path, trials):
    file = write(tmp_path, "unsound", UNSOUND.replace("unsound", "remembered"))
    for _ in range(2):
        with pytest.warns(et.RulePackWarning, match="is refuted"):
            hold(et.jit(formula, rules=[file]))
        et.rules._opened.cache_clear()
        et.rules._warned.clear()
    assert len(trials) == 1


def test_a_conflict_that_shows_in_a_program_names_the_rules(tmp_path):
    bad, good = write(tmp_path, "conflicting", CONFLICTING), write(tmp_path, "good", GOOD)
    trust(bad)
    for _ in range(2):  # what came of a failure is not kept for the next process
        f = et.jit(formula, rules=[bad, good])
        said = (
            r"is-two \(.*conflicting\.egg:2\), is-three \(.*conflicting\.egg:4\): .*2\.0 and 3\.0"
        )
        with pytest.warns(et.RulePackWarning, match=said):
            hold(f)
        assert "cos-by-tan" in f.explain().fired


def test_a_pack_that_grows_without_end_and_is_trusted_ends_all_the_same(tmp_path):
    file = write(tmp_path, "growing", GROWING)
    trust(file)
    hold(et.jit(formula, rules=[file]))


ENDS = {
    "import time; time.sleep(60)": "good.egg:1: the trial run did not end",
    "import os, signal; print('good.egg:7: slow', flush=True); os.kill(os.getpid(), signal.SIGALRM)":
        "good.egg:7: slow: the trial run failed: it did not end within",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)":
        "good.egg:1: the trial run failed: it took more memory than a program may",
    "print('good.egg:7: name', flush=True); raise RuntimeError('of its own')":
        "good.egg:7: name: the trial run failed: it ended with code 1: .*RuntimeError: of its own",
}  # fmt: skip


@pytest.mark.parametrize("code", ENDS)
def test_a_trial_that_is_ended_is_no_certificate_and_is_not_remembered(tmp_path, monkeypatch, code):
    (tmp_path / "bad_trial.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("EQSAT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(certificate, "TRIAL", "bad_trial")
    monkeypatch.setattr(certificate, "SECONDS", 1)
    case = case_of([("good.egg", GOOD)], ["good.egg"], rules=["cos-by-tan"])
    with pytest.raises(et.RuleError, match=ENDS[code]):
        certificate.certify(case)
    assert not list((tmp_path / "cache").rglob("*"))


# --------------------------------------------------------------------------------- leaving things out
@pytest.mark.parametrize("name", ["good", "good.egg", "cos-by-tan", "simplify"])
def test_rules_can_be_left_out(tmp_path, name):
    f = et.jit(formula, rules=[write(tmp_path, "good", GOOD), f"-{name}"])
    hold(f)
    assert "cos-by-tan" not in f.explain().fired


def test_rules_of_the_package_can_be_left_out():
    f = et.jit(lambda x: et.log(1 + et.exp(x)), rules=["-log1p-of-exp", "-stable.egg"])
    f(X)
    assert "softplus" not in f.explain().after


def test_a_refuted_rule_that_is_left_out_does_no_harm(tmp_path):
    file = write(tmp_path, "half", GOOD + UNSOUND)
    f = et.jit(formula, rules=[file, "-root-of-square"])
    hold(f)
    assert "cos-by-tan" in f.explain().rules


def test_a_name_that_leaves_nothing_out_is_an_error():
    with pytest.raises(et.ArgumentError, match=r"got '-log1p-of-exq'\. Near: log1p-of-exp"):
        et.jit(formula, rules=["-log1p-of-exq"])(X)


# --------------------------------------------------------------------------------- rulesets of packs
OWN = """; own.egg
(ruleset mine :guarantee {guarantee} "of my own")
(schedule (repeat 2 mine types))
; (x^2)^1.5 = x^2 |x|
(rewrite (Power (Square x) 1.5) (Multiply (Square x) (Absolute x)) :ruleset mine :name "cube-of-size")
"""
EVEN = '(rewrite (Cos (Negative x)) (Cos x) :ruleset mine :name "even")\n'


def test_approximations_of_a_pack_run_in_fast_mathematics_alone(tmp_path):
    file = write(tmp_path, "own", OWN.format(guarantee="approx"))

    def cube(x):
        return et.power(et.square(x), 1.5)

    f, g = et.jit(cube, rules=[file], math="fast"), et.jit(cube, rules=[file])
    np.testing.assert_allclose(f(X), np.abs(X) ** 3, rtol=1e-14)
    np.testing.assert_allclose(g(X), np.abs(X) ** 3, rtol=1e-14)
    assert "cube-of-size" in f.explain().rules
    assert "cube-of-size" not in g.explain().fired


def test_a_ruleset_of_a_pack_runs_where_its_schedule_says_and_stable_rules_after_it():
    text = OWN.split(";", 2)[0] + "; own.egg\n" + "\n".join(OWN.splitlines()[1:3]) + "\n" + EVEN
    book = et.rules.book_of([*et.rules._own_sources(), ("own.egg", text.format(guarantee="real"))])
    shown = [str(step) for step in book.schedule]
    assert shown[-4] == "(repeat 2 mine types)"
    assert shown[-3] == "types"
    assert "stable" in shown[-2]
    assert "last" in shown[-1]
    assert book.rule("even").guarantee == "real"


# ------------------------------------------------------------------------------------ where packs lie
def test_packs_on_the_path(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder, "good", GOOD)
    write(folder, "abroken", BROKEN)
    alone = write(tmp_path, "alone", EVEN_ALONE)
    monkeypatch.setenv("EQSAT_RULES_PATH", os.pathsep.join([str(alone), str(folder)]))
    f = et.jit(lambda x: formula(x) + et.cos(-x), rules=[folder / "good.egg"])  # counts once
    with pytest.warns(et.RulePackWarning, match="rule pack abroken is left out"):
        np.testing.assert_allclose(f(X), formula_of(X) + np.cos(X), rtol=1e-14)
    assert {"cos-by-tan", "alone"} <= set(f.explain().fired)
    g = et.jit(lambda x: formula(x) + et.cos(-x), rules=["-good", "-abroken"])
    np.testing.assert_allclose(g(X), formula_of(X) + np.cos(X), rtol=1e-14)
    assert "cos-by-tan" not in g.explain().fired


EVEN_ALONE = "; alone.egg\n" + EVEN.replace("mine", "simplify").replace('"even"', '"alone"')


def formula_of(x):
    return np.cos(x) * np.tan(x) + np.tan(np.cos(x)) + np.abs(x - 1)


def installed(folder, points):
    """A distribution that offers entry points, as an installer would leave it."""
    info = folder / "others-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eqsat_tensor.rules]\n" + points)


def test_packs_of_installed_packages(tmp_path):
    site = tmp_path / "site"
    installed(site, "b = others.rules\na = others_ops:FILES\nc = nowhere.at_all\n")
    (site / "others" / "rules").mkdir(parents=True)
    (site / "others" / "__init__.py").write_text("raise SystemExit('it is not imported')\n")
    write(site / "others" / "rules", "good", GOOD)
    (site / "others_ops.py").write_text(DEFINED + 'FILES = ["halves.egg"]\n')
    write(site, "halves", HALVES)
    code = """
    import others_ops
    f = et.jit(lambda x: et.cos(x) * et.tan(x) + others_ops.half(2 * x))
    print(np.allclose(f(X), np.sin(X) + X), sorted(f.explain().fired))
    from eqsat_tensor.rules.packs import find_packs
    print([p.name for p in find_packs([])])
    """
    said = script(tmp_path, code, PYTHONPATH=os.pathsep.join([str(ROOT), str(site)]))
    assert "True" in said
    assert "cos-by-tan" in said
    assert "half-of-twice" in said
    assert "['a', 'b', 'c']" in said
    assert "rule pack c is left out: entry point c = nowhere.at_all: it names no .egg file" in said


def test_two_processes_at_once(tmp_path):
    file = write(tmp_path, "good", GOOD + "; of two processes\n")
    code = f"""
    import numpy as np, eqsat_tensor as et
    X = np.linspace(0, 1, 5)
    f = et.jit(lambda x: et.cos(x) * et.tan(x), rules=[{str(file)!r}])
    assert np.allclose(f(X), np.sin(X)) and "cos-by-tan" in f.explain().rules
    """
    env = os.environ | {"PYTHONPATH": str(ROOT), "EQSAT_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    both = [subprocess.Popen(command, env=env, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()
    assert sorted(p.suffix for p in (tmp_path / "cache" / "rules").glob("*ed"))[-2:] == [
        ".tried", ".verified",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------ ops of the user's
DEFINED = """
import eqsat_tensor as et
half = et.define("half_of", lambda x: 0.5 * x)
"""
HALVES = """; halves.egg
; (2 x) / 2 = x
(rewrite (HalfOf (Multiply 2.0 x)) x :ruleset simplify :name "half-of-twice")
"""


def test_an_op_of_ones_own_in_a_pack(tmp_path):
    write(tmp_path, "halves", HALVES)
    write(tmp_path, "wrong", HALVES.replace("2.0", "3.0").replace("twice", "thrice"))
    code = DEFINED + textwrap.dedent("""
    f = et.jit(lambda x: half(2 * x) + et.exp(half(x)), rules=["halves.egg"])
    print(np.allclose(f(X), X + np.exp(X / 2)), "half-of-twice" in f.explain().rules)
    print(np.allclose(et.grad(lambda x: et.sum(half(x) * x))(X), X))
    g = et.jit(lambda x: half(3 * x), rules=["wrong.egg"])
    print(np.allclose(g(X), 1.5 * X))
    """)
    said = script(tmp_path, code)
    assert said.count("True") == 4, said
    assert "wrong.egg:3: half-of-thrice is refuted" in said


def test_ops_that_are_defined(tmp_path):
    code = """
    softsign = et.define("softsign", lambda x: x / (1 + et.abs(x)))
    mix = et.define("soft_mix", lambda x, y, w: et.logaddexp(x, y) + et.where(w > 0, w, -w),
                    vjp=lambda ct, out, x, y, w: (ct, None, 2 * ct))
    x32 = np.linspace(-2, 2, 5, dtype=np.float32)
    for mode in ("run", "reference"):
        f = et.jit(lambda x: softsign(x), mode=mode)
        wanted = x32 / (1 + np.abs(x32))
        assert f(x32).dtype == np.float32 and np.allclose(f(x32), wanted)
        assert np.allclose(f(np.arange(3)), [0, 1 / 2, 2 / 3])
        g = et.jit(lambda x, y: mix(x, y, -1.5), mode=mode)
        assert np.allclose(g(X, X[:, None]), np.logaddexp(X, X[:, None]) + 1.5)
    assert np.allclose(softsign(x32), wanted) and softsign(2.0) == 2 / 3
    h = lambda x: et.sum(softsign(x))
    assert np.allclose(et.grad(h)(X), 1 / (1 + X) ** 2)
    three = lambda x, y, w: et.sum(mix(x, y, w))
    assert [g.tolist() for g in et.grad(three, argnums=(0, 1, 2))(X, X, X)] == [[1.0] * 5, [0.0] * 5, [2.0] * 5]
    assert et.vmap(softsign)(X[:, None]).shape == (5, 1)
    assert et.define("softsign", lambda x: x / (1 + et.abs(x))) is softsign
    x = et.tensor("x")
    assert "abs" in et.pprint(softsign(x))
    for name, body, options in [
        ("softsign", lambda x: x, {}), ("Bad", lambda x: x, {}), ("f", lambda x: x, {}),
        ("total", lambda x: et.sum(x) > 0, {}), ("of_nothing", lambda: 1.0, {}),
        ("wrong_numpy", lambda x: x + 1, {"numpy": lambda x: x + 2}), ("to_int", lambda x: et.astype(et.astype(x, "int64"), "float64"), {}),
        ("exp", lambda x: et.exp(x), {}),
    ]:
        try:
            et.define(name, body, **options)
        except et.ArgumentError as e:
            print("refused", name, e)
    """
    said = script(tmp_path, code)
    assert said.count("refused") == 8, said
    assert "wrong_numpy: -0.5 and -1.5 at -2.5" in said


def test_equal_names_of_different_ops_share_no_code(tmp_path):
    code = """
    mine = et.define("mine", lambda x: {body})
    print(et.jit(lambda x: mine(x))(X[4:]))
    """
    assert "[3.]" in script(tmp_path, code.format(body="3 * x"))
    assert "[5.]" in script(tmp_path, code.format(body="5 * x"))


def test_the_documentation_runs_as_it_stands(tmp_path):
    text = (ROOT / "docs" / "packs.md").read_text()
    rule = text.split("```")[1].lstrip()
    (tmp_path / "halves.egg").write_text(rule)
    code = f"""
    import doctest
    print(doctest.testfile({str(ROOT / "docs" / "packs.md")!r}, module_relative=False))
    """
    assert "failed=0, attempted=6" in script(tmp_path, code)
