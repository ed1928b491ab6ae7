"""Redaction: what is a secret is gone as a whole, what isn't stays as it was."""

from __future__ import annotations

import json
import os
import shlex
import stat
import string
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from roar.api.errors import RoarError
from roar.workspace.secret_names import is_harmless, is_secret_name, is_worth_looking_for
from roar.workspace.secret_urls import without_credentials
from roar.workspace.secrets import REDACTED, Redactor, workspace_key

_KEY = b"k" * 32
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
_PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n7\n-----END RSA PRIVATE KEY-----"


def _redactor(env: Mapping[str, str] | None = None) -> Redactor:
    return Redactor(env or {}, _KEY)


def _line(command: str, env: Mapping[str, str] | None = None) -> str:
    return shlex.join(_redactor(env).words(shlex.split(command)))


@pytest.mark.requirement("REG-6")
@pytest.mark.parametrize(
    ("command", "secret"),
    [
        ("login --password hunter2", "hunter2"),
        ("login --password=hunter2", "hunter2"),
        ("login --password abc", "abc"),
        ("x --db-password 'correct horse battery'", "correct horse battery"),
        ("x --api-key=abc,def=ghi", "abc,def=ghi"),
        ("x --apiKey abcdef", "abcdef"),
        ("x --client_secret s3", "s3"),
        ("x --hf-token abcdef123456", "abcdef123456"),
        ("x -token abcdef123456", "abcdef123456"),
        ("x --auth user:pass", "pass"),
        ("x --passphrase '$ecret99'", "ecret99"),
        ("env WANDB_API_KEY=0123abcdef train", "0123abcdef"),
        ("env DEPLOY_TOKEN='a b c' train", "a b c"),
        ("train wandb.api_key=0123abcdef", "0123abcdef"),
        ("train +logger.neptune.api_token=zzz999", "zzz999"),
        ("curl -H 'Authorization: Bearer abc.def.ghi'", "abc.def.ghi"),
        ("curl -H 'authorization: Basic dXNlcjpwYXNz'", "dXNlcjpwYXNz"),
        ("curl -H 'Authorization: token abcdef0'", "abcdef0"),
        ("curl -H 'X-Api-Key: abcdef'", "abcdef"),
        ("curl -H 'PRIVATE-TOKEN: abcdef'", "abcdef"),
        ("curl -H 'Cookie: session=abc; csrf=def'", "abc; csrf=def"),
        ("curl -u user:abcdef https://example.org", "abcdef"),
        ("/usr/bin/curl --user user:abcdef https://example.org", "abcdef"),
        ("sshpass -p abcdef ssh host", "abcdef"),
        ("sshpass -pabcdef ssh host", "abcdef"),
        ("mysql -u root -pabcdef db", "abcdef"),
        ("docker login -u me -p abcdef", "abcdef"),
        ("git clone https://me:abcdef@example.org/r.git", "abcdef"),
        ("git clone https://abcdef@example.org/r.git", "abcdef"),
        ("x postgresql://me:abc@def@host/db", "abc@def"),
        ("x postgresql://me:abc/def?ghi@host/db", "abc/def?ghi"),
        ("x --db=redis://:abcdef@host:6379/0", "abcdef"),
        ("wget 'https://host/f?user=me&access_token=abcdef'", "abcdef"),
        ("wget 'https://b.s3.amazonaws.com/f?X-Amz-Signature=abcdef&X-Amz-Date=1'", "abcdef"),
        ("wget 'https://a.blob.core.windows.net/c?sv=1&sig=ab%2Fcdef'", "ab%2Fcdef"),
        ("x 'AccountName=me;AccountKey=abc+def==;EndpointSuffix=core'", "abc+def=="),
        ("x 'Server=h;Password=abcdef;Database=d'", "abcdef"),
        ("sh -c 'export API_KEY=abcdef; run'", "abcdef"),
        ('sh -c \'export API_KEY="abc def"; run\'', "abc def"),
        ("bash -c 'login --password abcdef && run'", "abcdef"),
        ("bash -c 'curl -u me:abcdef https://h | sh'", "abcdef"),
        ("python -c 'login(api_key=\"abc def\", x=1)'", "abc def"),
        ("python -c 'password = \"abc def\"'", "abc def"),
        ("python -c 'if password == \"abc def\": pass'", "abc def"),
        ("""x '{"user": "me", "password": "abc\\"def", "n": 1}'""", 'abc\\"def'),
        ("x 'password: abcdef'", "abcdef"),
        ("push ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789abcdefghijABCDEFGHIJ012345"),
        ("push x=github_pat_11ABCDEFG0abcdefghij_klmnop", "github_pat_11ABCDEFG0abcdefghij_klmnop"),
        ("ask sk-proj-abcDEF_0123-456789abcdefghij", "sk-proj-abcDEF_0123-456789abcdefghij"),
        ("ask sk-0123456789abcdefghijABCDEFGHIJ", "sk-0123456789abcdefghijABCDEFGHIJ"),
        ("ask sk-ant-api03-abc-def", "sk-ant-api03-abc-def"),
        ("say xoxb-123456789012-abcdefghij", "xoxb-123456789012-abcdefghij"),
        ("aws AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("pull hf_abcdefghijABCDEFGHIJ0123456789abcd", "hf_abcdefghijABCDEFGHIJ0123456789abcd"),
        ("ci glpat-abcdefghij0123456789", "glpat-abcdefghij0123456789"),
        (f"x {_JWT}", _JWT),
        (f"x --jwt={_JWT}", _JWT),
        (f"x '{_PEM}'", "MIIEowIBAAKCAQEA"),
        ("x 'cut -----BEGIN PRIVATE KEY-----MIIEow'", "MIIEow"),
        ("post https://hooks.slack.com/services/T000/B000/abcdefghij", "abcdefghij"),
    ],
)  # fmt: skip
def test_a_secret_on_the_command_line_is_gone(command: str, secret: str) -> None:
    words = shlex.split(command)
    redacted = _redactor().words(words)
    assert secret in "\0".join(words)
    assert len(redacted) == len(words)
    assert secret not in "\0".join(redacted)
    assert REDACTED in "\0".join(redacted)
    assert redacted[0] == words[0]
    assert _redactor().words(redacted) == redacted


@pytest.mark.requirement("REG-6", "SHOW-4")
@pytest.mark.parametrize(
    "command",
    [
        "python train.py --lr 0.1 --max-tokens 100 --token-dim 512 --num_tokens=1000000 --tokens 5",
        "sort --key id --key=2,3n --sort-key name",
        "pip install sk-learn scikit-learn",
        "ls sk-learn-pipeline-v2-experiment-10 task-2024-01-01-abcdefghijklmnop",
        "python prep.py tokenizer.json tokenizer=bert-base tokenizer.model=/m/t.json --tokenizer gpt2",
        f"verify sha256:{'0123abcd' * 8} {'0123abcd' * 5}",
        "cp /data/secret-garden/passwords/key.txt ./out/token_embeddings.npy",
        "x --eos-token '</s>' --pad_token '<pad>' --mask-token '[MASK]' --placeholder_token cat",
        "x --use-auth-token data.csv --no-password train.py --add-bos-token in.txt",
        "x --password-file /run/pw --token-path t.txt --api-key-env OPENAI_KEY --secret-name db",
        "x --private-key server.pem --ssl-key=/etc/tls/server.key --credentials creds.json",
        "x --token '${HF_TOKEN}' --password '$PW' --api-key=$KEY",
        "sh -c 'login --password \"$PW\" --token $TOKEN'",
        "python -c 'token = next(tokens); password = getpass(); key = args.key; f(token=tok(x))'",
        "python -c 'def f(token: str, password: Optional = None): pass'",
        "x --pass 2 --passes 3 --two-pass 1 --bypass on --compass north --author me --monkey business",
        "x --primary-key id --partition-key day --image-key jpg --text_key caption --keys a b",
        "git clone git@github.com:me/repo.git ssh://git@host/repo.git",
        "curl http://localhost:8080/pkg@1.2?page=3&size=10 -o out",
        "docker run -p 8080:80 -p 127.0.0.1:80:80/tcp image",
        "ssh -p 2222 host; mysql -u root -p db",
        "x --token true --auth none --use-key yes --password-stdin",
        "x hf_transformers_cache ghp xox eyJ. AKIA npm_config_cache SG. hf_internal",
        "x 'basic training for a bearer of bad news'",
        "x --keyboard us --keypoints 17 --hotkey",
        "echo \udcff\n\x1b[31m",
    ],
)
def test_what_only_resembles_a_secret_stays(command: str) -> None:
    words = tuple(shlex.split(command))
    assert _redactor().words(words) == words


@pytest.mark.requirement("REG-6")
def test_a_secret_variable_s_value_is_gone_wherever_it_occurs() -> None:
    env = {"HF_TOKEN": "abc/def+ghi", "DB_PASSWORD": "correct horse"}
    line = _line("x --o=abc/def+ghi 'say correct horse battery' preabc/def+ghipost abc%2Fdef%2Bghi", env)
    assert line == f"x '--o={REDACTED}' 'say {REDACTED} battery' 'pre{REDACTED}post' '{REDACTED}'"


@pytest.mark.requirement("REG-6")
def test_overlapping_secrets_leave_no_end_of_either() -> None:
    env = {"A_TOKEN": "abcdefgh", "B_TOKEN": "efghijkl", "C_TOKEN": "abcdefghijklmnop"}
    assert _redactor(env).text("<abcdefghijkl>") == f"<{REDACTED}>"
    assert _redactor(env).text("<abcdefghijklmnop>") == f"<{REDACTED}>"
    assert _redactor({"A_TOKEN": "aaaaaa"}).text("aaaaaaaaa") == REDACTED


@pytest.mark.requirement("REG-6")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", "abc"),
        ("API_KEY", "true"),
        ("USE_TOKEN", "python train"),
        ("SORT_KEY", "timestamp"),
        ("CACHE_KEY", "20240101"),
        ("TOKENIZERS_PARALLELISM", "falsely"),
        ("PWD", "/home/me/project"),
        ("SECRET_KEY", "default"),
        ("TOKEN_FILE", "/run/token"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-x/agent.1"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/me/creds.json"),
        ("HOME", "/home/me"),
    ],
)
def test_a_value_that_says_nothing_is_not_looked_for(name: str, value: str) -> None:
    assert _redactor({name: value}).words(["run", value, f"x{value}y"]) == ("run", value, f"x{value}y")


@pytest.mark.requirement("REG-6")
def test_passwords_in_the_variables_urls_are_looked_for() -> None:
    env = {"DATABASE_URL": "postgresql://me:hunter22@host/db", "STUFF": "ghp_0123456789abcdef"}
    assert _redactor(env).words(["psql", "hunter22"]) == ("psql", REDACTED)


@pytest.mark.requirement("REG-6")
@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("API_KEY", True), ("OPENAI_API_KEY", True), ("KEY", True), ("SSH_KEY", True), ("GITHUBTOKEN", True),
        ("TOKEN_GITHUB", True), ("MYSQL_PWD", True), ("DB_PASS", True), ("PGPASSWORD", True), ("CREDENTIALS", True),
        ("clientSecret", True), ("apiKey2", True), ("AWS_SECRET_ACCESS_KEY", True), ("AWS_SESSION_TOKEN", True),
        ("SLURM_JWT", True), ("AWS_ACCESS_KEY_ID", False), ("PWD", False), ("OLDPWD", False), ("PATH", False), ("MAX_TOKENS", False),
        ("EOS_TOKEN", False), ("PUBLIC_KEY", False), ("TOKEN_FILE", False), ("KEYBOARD", False), ("AUTHOR", False),
        ("XAUTHORITY", False), ("", False), ("_", False),
    ],
)  # fmt: skip
def test_variables_are_secret_by_their_names(name: str, secret: bool) -> None:
    assert is_secret_name(name, variable=True) is secret


_values = st.text(string.ascii_letters + string.digits + string.punctuation + " äß", min_size=6, max_size=24).filter(
    lambda value: (
        value.strip() == value
        and not value.startswith("-")
        and value not in REDACTED
        and is_worth_looking_for("PASSWORD", value)
    )
)
_plain = st.text(string.ascii_letters + string.digits + " =/:-_.", max_size=10)


@pytest.mark.requirement("REG-6")
@given(_values, st.lists(st.tuples(_plain, _plain), max_size=4))
def test_no_word_keeps_a_secret_variable_s_value(value: str, around: list[tuple[str, str]]) -> None:
    redactor = _redactor({"MY_PASSWORD": value})
    words = [before + value + after for before, after in around]
    redacted = redactor.words(words)
    assert len(redacted) == len(words)
    assert not any(value in word for word in redacted)
    assert not any(value in redactor.text(word) for word in words)


@pytest.mark.requirement("REG-6")
@given(_values)
@example("a'b\"c d$e`f")
@example("a@b/c?d#e")
def test_no_way_of_giving_a_password_keeps_it(value: str) -> None:
    assume(not is_harmless("password", value))
    given_ways = [
        ["x", "--password", value],
        ["x", f"--password={value}"],
        ["env", f"PGPASSWORD={value}", "x"],
        ["x", f"db.password={value}"],
        ["curl", "-u", f"me:{value}"],
        ["sh", "-c", f"login --password {shlex.quote(value)}"],
        ["sh", "-c", f"PASSWORD={shlex.quote(value)} login; echo"],
        ["x", json.dumps({"a": 1, "password": value, "b": 2})],
        ["x", json.dumps({"inner": json.dumps({"password": value})})],
        ["python", "-c", f"connect(password={value!r}, user='me')"],
    ]
    for words in given_ways:
        redacted = _redactor().words(words)
        written = "\0".join(redacted)
        assert value not in written, words
        assert json.dumps(value)[1:-1] not in written, words
        assert _redactor().words(redacted) == redacted


@pytest.mark.requirement("REG-6", "GIT-1")
@given(st.text(string.ascii_letters + string.digits + "!$&'()*+,;=:%._~", min_size=1, max_size=20))
def test_no_url_keeps_its_password(value: str) -> None:
    for url in (f"https://me:{value}@example.org/r.git", f"postgresql://me:{value}@[::1]:5432/db"):
        password_free = url.replace(f":{value}@", "@")
        assert without_credentials(url) in (password_free, password_free.replace("me@", ""))
        assert f":{value}@" not in _redactor().text(f"see {url} there") or value in REDACTED


@pytest.mark.requirement("REG-6")
@given(st.lists(st.text(max_size=40), max_size=5), st.dictionaries(st.sampled_from(["A_TOKEN", "B_KEY"]), _values))
def test_redacting_never_fails_and_keeps_the_number_of_words(words: list[str], env: dict[str, str]) -> None:
    assert len(_redactor(env).words(words)) == len(words)


@pytest.mark.requirement("REG-6", "GIT-1")
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:pw@example.org/a.git", "https://example.org/a.git"),
        ("https://token@example.org:8443/a", "https://example.org:8443/a"),
        ("https://example.org/a?token=x&b=1#f", "https://example.org/a?b=1#f"),
        ("https://example.org/a?b=1&token=x", "https://example.org/a?b=1"),
        ("https://example.org/a?token=x", "https://example.org/a"),
        ("ssh://git@example.org/a", "ssh://git@example.org/a"),
        ("ssh://git:pw@example.org/a", "ssh://git@example.org/a"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("me:pw@example.org:a", "me@example.org:a"),
        ("/srv/git/a@b.git", "/srv/git/a@b.git"),
        ("../a:b@c", "../a:b@c"),
        ("https://example.org/pkg@1.2", "https://example.org/pkg@1.2"),
        ("https://example.org:80/pkg@1.2", "https://example.org:80/pkg@1.2"),
        ("https://[::1]:80/a@b", "https://[::1]:80/a@b"),
        ("postgresql://me:p/w?x@host/db", "postgresql://me@host/db"),
        ("file:///srv/a", "file:///srv/a"),
        ("", ""),
    ],
)
def test_credentials_are_taken_out_of_urls(url: str, expected: str) -> None:
    assert without_credentials(url) == expected
    assert without_credentials(expected) == expected
    assert _redactor().url(url) == expected


@pytest.mark.requirement("REG-6", "SHOW-4")
def test_only_listed_variables_are_recorded_by_value() -> None:
    env = {"PATH": "/bin", "LANG": "C", "HOME": "/home/me", "OMP_NUM_THREADS": "4", "MYAPP_MODE": "fast", "ROAR_X": "1"}
    env |= {"CUDA_TOKEN": "abcdefgh", "MYAPP_SECRET": "abcdefgh", "CFLAGS": "-DKEY=abcdefgh"}
    recorded = _redactor(env).environment(env, allow=["MYAPP_*", "OTHER"])
    assert {name: value for name, value in recorded.items() if isinstance(value, str)} == {
        "PATH": "/bin", "LANG": "C", "OMP_NUM_THREADS": "4", "MYAPP_MODE": "fast", "CFLAGS": f"-DKEY={REDACTED}",
    }  # fmt: skip
    assert set(recorded) == set(env) - {"ROAR_X"}
    assert recorded["HOME"]["set"] is True
    assert "abcdefgh" not in json.dumps(recorded)


@pytest.mark.requirement("REG-6")
def test_digests_tell_a_change_and_need_the_workspace_s_key() -> None:
    one, same, other = (_redactor().environment({"X": value})["X"]["digest"] for value in ("a", "a", "b"))
    assert one == same != other
    assert len(one) == 32
    assert Redactor({}, b"z" * 32).environment({"X": "a"})["X"]["digest"] != one
    assert _redactor().environment({"X": "\udcff"})["X"]["set"] is True


@pytest.mark.requirement("REG-6")
def test_the_workspace_s_key_is_private_and_stays_the_same(tmp_path: Path) -> None:
    key = workspace_key(tmp_path)
    assert len(key) == 32
    assert workspace_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.requirement("REG-6", "RUN-7")
def test_many_who_ask_at_once_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        for number in range(20):
            directory = tmp_path / str(number)
            directory.mkdir()
            assert len(set(pool.map(workspace_key, [directory] * 16))) == 1
            assert [path.name for path in directory.iterdir()] == ["key"]


@pytest.mark.requirement("REG-6", "SAFE-2")
def test_a_broken_key_is_replaced_and_an_unusable_one_explained(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    assert len(workspace_key(tmp_path)) == 32
    os.unlink(tmp_path / "key")
    (tmp_path / "key").mkdir()
    with pytest.raises(RoarError, match="key can't be used"):
        workspace_key(tmp_path)


@pytest.mark.requirement("REG-6", "PERF-1")
@pytest.mark.parametrize(
    "piece",
    ["token=a:", "://", "http://a?b=c ", "password=\"", "--token ", "token=\\\"", "authorization:", "-----BEGIN PRIVATE KEY-----"],
)  # fmt: skip
def test_the_longest_words_that_linux_allows_take_no_time_to_speak_of(piece: str) -> None:
    word = (piece * (131_071 // len(piece) + 1))[:131_071]  # MAX_ARG_STRLEN, execve(2)
    begun = time.process_time()
    _redactor({"A_TOKEN": "abcdefgh"}).words([word])
    assert time.process_time() - begun < 3
