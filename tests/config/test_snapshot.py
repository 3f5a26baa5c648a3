import json
from pathlib import Path

import pytest
import yaml

from tsdg.config.compose import compose_recipe
from tsdg.config.secrets import is_kept
from tsdg.config.snapshot import read_recipe, run_name, write_snapshot
from tsdg.errors import RecipeError, RunConflictError

HASHES = {"questions/choice": "aa"}
TEXTS = {"questions/choice": "user: |-\n  {question}\n"}


ROW = {
    "task": "demo_science",
    "family": "demo_science",
    "dataset_path": "tsdg/demo",
    "config": "science",
    "split": "train",
    "licence": "Apache-2.0",
    "remarks": "",
    "revision": "sha256:aa",
    "reader": "sha256:bb",
}


def snapshot(directory: Path, *overrides: str, hashes: dict[str, str] = HASHES, **row: str) -> None:
    write_snapshot(
        directory / "snapshot",
        recipe=compose_recipe(["recipe=demo", *overrides]),
        overrides=["recipe=demo", *overrides],
        prompt_texts=TEXTS,
        prompt_hashes=hashes,
        catalogue=[{**ROW, **row}],
        own_files={"families/mine.py": "FORMS = {}\n"},
    )


def everything(directory: Path) -> str:
    return "".join(path.read_text() for path in sorted(directory.rglob("*")) if path.is_file())


def test_it_holds_what_reproduces_the_run(tmp_path: Path) -> None:
    snapshot(tmp_path, "seed=7")
    folder = tmp_path / "snapshot"
    assert yaml.safe_load((folder / "recipe.yaml").read_text())["seed"] == 7
    assert (folder / "prompts/questions/choice.yaml").read_text() == TEXTS["questions/choice"]
    assert json.loads((folder / "catalogue.json").read_text())[0]["dataset_path"] == "tsdg/demo"
    versions = json.loads((folder / "versions.json").read_text())
    assert set(versions) == {
        "created",
        "tsdg",
        "python",
        "packages",
        "environment",
        "weights",
        "commit",
        "dirty",
    }
    assert versions["packages"].items() <= versions["environment"].items()
    assert json.loads((folder / "launches.jsonl").read_text())["overrides"] == [
        "recipe=demo",
        "seed=7",
    ]


def test_two_runs_of_one_recipe_have_one_fingerprint_and_name(tmp_path: Path) -> None:
    snapshot(tmp_path / "a")
    snapshot(tmp_path / "b", "output_root=/elsewhere", "server.replicas=4", "engine.unit_rows=7")
    first, second = (
        json.loads((tmp_path / x / "snapshot/fingerprint.json").read_text()) for x in "ab"
    )
    assert first == second
    assert run_name(compose_recipe(["recipe=demo"]), HASHES) == f"demo-{first['fingerprint'][:10]}"
    assert run_name(compose_recipe(["recipe=demo", "run=mine"]), HASHES) == "mine"


def test_resuming_adds_a_line_and_changes_nothing_else(tmp_path: Path) -> None:
    snapshot(tmp_path)
    before = (tmp_path / "snapshot/recipe.yaml").read_bytes()
    snapshot(tmp_path, "server.replicas=2")
    assert (tmp_path / "snapshot/recipe.yaml").read_bytes() == before
    assert len((tmp_path / "snapshot/launches.jsonl").read_text().splitlines()) == 2


def test_another_recipe_in_the_same_directory_is_refused_by_its_differences(tmp_path: Path) -> None:
    snapshot(tmp_path)
    with pytest.raises(
        RunConflictError, match=r"seeds\.cap_per_task is 12 there and 3 here.*run=NAME"
    ):
        snapshot(tmp_path, "seeds.cap_per_task=3")
    with pytest.raises(RunConflictError, match="the text of prompt questions/choice differs"):
        snapshot(tmp_path, hashes={"questions/choice": "bb"})


def test_what_a_recipe_names_from_its_folder_is_found_from_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    for file in ("bin/vllm", "mirror/a", "weights/a", "second/a", "key"):
        (begun / file).parent.mkdir(parents=True, exist_ok=True)
        (begun / file).touch()
    monkeypatch.chdir(begun)
    snapshot(
        tmp_path / "run",
        "server.command=[bin/vllm,serve]",
        "server.api_key_file=key",
        "seeds.mirror=mirror",
        "model.path=weights",
        "+model@roles.judge.model=smollm2-135m-instruct",
        "roles.judge.model.path=second",
        "+server@roles.judge.server=vllm",
    )
    monkeypatch.chdir(tmp_path)
    recipe = read_recipe(tmp_path / "run", [])
    judge = recipe.roles["judge"]
    assert recipe.server.command == (f"{begun}/bin/vllm", "serve")
    assert recipe.server.api_key_file == f"{begun}/key"
    assert recipe.seeds.mirror == f"{begun}/mirror"
    assert recipe.model.path == f"{begun}/weights"
    assert judge.model is not None
    assert judge.model.path == f"{begun}/second"
    assert judge.server is not None
    assert judge.server.command == ("vllm", "serve")  # a name, which PATH finds


def test_a_snapshot_of_another_version_of_tsdg_says_so(tmp_path: Path) -> None:
    snapshot(tmp_path)
    path = tmp_path / "snapshot" / "recipe.yaml"
    values = yaml.safe_load(path.read_text())
    del values["seeds"]["total"]
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path, ["seed=1"])
    assert str(caught.value) == (
        f"{path} is of another version of tsdg, or was changed: recipe key seeds.total: has no "
        "value; go on with the "
        "version in snapshot/versions.json, or start a new run"
    )


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("seed", "found 'seed'; allowed: KEY=VALUE"),
        ("=1", "found '=1'; allowed: KEY=VALUE"),
        ("engine.attempts=[1", "'engine.attempts=[1' is not understood"),
        ("engine=5", "recipe key engine: found 5, allowed: a mapping of the keys unit_rows"),
        ("server.base_urls={a: 1}", "recipe key server.base_urls: found {a: 1}, allowed: a list"),
        (
            "engine.attempts=${nowhere}",
            "recipe key engine.attempts: Interpolation key 'nowhere' not found",
        ),
    ],
)
def test_a_wrong_word_is_one_plain_line(tmp_path: Path, word: str, says: str) -> None:
    snapshot(tmp_path)
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path, [word])
    assert says in str(caught.value)
    assert "full_key" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "word",
    [
        "+server.flags={hf-token: x}",
        "+server.flags={api_key: x}",
        "+server.flags.auth-token=x",
        "+model.flags={--s3-secret: x}",
        "+server.flags={proxy: 'http://me:pa55word@host:80'}",
    ],
)
def test_a_flag_that_holds_a_secret_is_refused(word: str) -> None:
    with pytest.raises(RecipeError, match="would put a secret on a command line") as caught:
        compose_recipe(["recipe=demo", word])
    assert "pa55word" not in str(caught.value)


SECRET = {
    "DATABASE_URL": "postgres://me:pw@db/x",
    "WANDB_PASS": "x",
    "AUTH": "x",
    "DB_PWD": "x",
    "SLACK_WEBHOOK": "https://hooks.example/T0/B0/abc",
    "HTTPS_PROXY": "http://me:pw@proxy:3128",
    "VLLM_API_KEY": "x",
    "SOME_SITE_THING": "g7Kx-09aQ",
}
HARMLESS = {
    "VLLM_USE_V1": "1",
    "NCCL_SOCKET_IFNAME": "ib0",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HOME": "/lustre/hf",
    "SITE_THREADS": "16",
    "SITE_CACHE": "/scratch/cache-%u",
}


def test_of_a_servers_variables_only_what_is_known_to_be_harmless_is_kept() -> None:
    assert [name for name, value in SECRET.items() if is_kept(name, value)] == []
    assert [name for name, value in HARMLESS.items() if not is_kept(name, value)] == []


def test_no_secret_is_kept(tmp_path: Path) -> None:
    snapshot(
        tmp_path,
        "+server.env.HF_TOKEN=hf_verysecret",
        "server.base_urls=[http://user:pa55word@127.0.0.1:1/v1]",
        "+server.env.OMP_NUM_THREADS='4'",
    )
    kept = everything(tmp_path)
    assert "hf_verysecret" not in kept
    assert "pa55word" not in kept
    assert "OMP_NUM_THREADS" in kept


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"revision": "sha256:cc"},
            "the data of tsdg/demo/science/train changed (sha256:aa then, sha256:cc now)",
        ),
        ({"reader": "sha256:cc"}, "how family demo_science reads its rows changed"),
        (
            {"licence": "MIT"},
            "the catalogue's column licence of tsdg/demo/science/train changed "
            '("Apache-2.0" then, "MIT" now)',
        ),
    ],
)
def test_a_run_whose_sources_changed_is_refused(
    tmp_path: Path, row: dict[str, str], said: str
) -> None:
    snapshot(tmp_path)
    with pytest.raises(RunConflictError) as caught:
        snapshot(tmp_path, **row)
    assert said in str(caught.value)
    assert "run=NAME" in str(caught.value)


@pytest.mark.parametrize("row", [{"revision": ""}, {"remarks": "more"}, {"new_column": "x"}, {}])
def test_what_no_row_depends_on_and_what_nobody_knows_is_no_change(
    tmp_path: Path, row: dict[str, str]
) -> None:
    snapshot(tmp_path)
    snapshot(tmp_path, **row)
    assert (tmp_path / "snapshot/families/mine.py").read_text() == "FORMS = {}\n"


def test_a_damaged_list_of_sources_is_refused(tmp_path: Path) -> None:
    snapshot(tmp_path)
    (tmp_path / "snapshot/catalogue.json").write_text("[")
    with pytest.raises(RunConflictError, match=r"catalogue\.json is damaged"):
        snapshot(tmp_path)
