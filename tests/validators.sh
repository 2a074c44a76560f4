#!/usr/bin/env bash
# Checks a bundle, or the folder of one, with the reference validators of the formats that it speaks.
#
#   tests/validators.sh PATH
#
# One line a check; it ends with the first that fails. The validators come from PyPI, into
# ${XDG_CACHE_HOME:-~/.cache}/rescience-validators, at fixed versions. RO-Crate's validator fetches
# two JSON-LD contexts from w3id.org. They are served from files here, so that no network is needed
# once the validators are installed: from the folder RO_CRATE_CONTEXTS where it is given (with
# rocrate-1.1.jsonld and wfrun.jsonld in it), else the first from the wheel of rocrate 0.14.0, which
# still carries that of version 1.1, and the second, sixteen terms below one prefix, from this script.
#
# b3sum is used where it is installed; VERAPDF=COMMAND checks the papers, as `COMMAND FILE.pdf`.
set -euo pipefail

[ $# = 1 ] || { echo "usage: ${0##*/} BUNDLE.zip|FOLDER" >&2; exit 2; }
[ -e "$1" ] || { echo "$1: no such file or folder" >&2; exit 2; }
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rescience-validators
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

passed() { printf 'ok       %s\n' "$1"; }
skipped() { printf 'skipped  %s\n' "$1"; }

# check NAME COMMAND...: what it printed is shown only if it fails.
check() {
    local name=$1
    shift
    if "$@" >"$scratch/log" 2>&1; then
        passed "$name"
    else
        printf 'FAILED   %s\n' "$name"
        cat "$scratch/log"
        exit 1
    fi
}

wanted='roc-validator==0.13.0 rocrate==0.16.0 cffconvert==2.0.0 in-toto-attestation==0.9.3 mlcroissant==1.1.1'
python=$cache/bin/python
if [ "$(cat "$cache/wanted" 2>/dev/null)" != "$wanted" ]; then
    python3 -m venv "$cache"
    # shellcheck disable=SC2086  # a list of words
    "$cache/bin/pip" install --quiet $wanted
    printf '%s\n' "$wanted" >"$cache/wanted"
fi

contexts=$cache/contexts
if [ -n "${RO_CRATE_CONTEXTS:-}" ]; then
    contexts=$(realpath "$RO_CRATE_CONTEXTS")
elif [ ! -e "$contexts/rocrate-1.1.jsonld" ]; then
    mkdir -p "$contexts"
    "$cache/bin/pip" download --quiet --no-deps --dest "$scratch" rocrate==0.14.0
    "$python" - "$scratch"/rocrate-0.14.0-*.whl "$contexts" <<'PY'
import json, pathlib, sys, zipfile

base = zipfile.ZipFile(sys.argv[1]).read("rocrate/data/ro-crate.jsonld")
assert json.loads(base)["@id"] == "https://w3id.org/ro/crate/1.1/context"
terms = """ParameterConnection ContainerImage DockerImage SIFImage connection sourceParameter
targetParameter md5 sha1 sha256 sha512 environment registry tag containerImage resourceUsage"""
run = {"@context": {t: "https://w3id.org/ro/terms/workflow-run#" + t for t in terms.split()}}
folder = pathlib.Path(sys.argv[2])
(folder / "wfrun.jsonld").write_text(json.dumps(run))
(folder / "rocrate-1.1.jsonld").write_bytes(base)
PY
fi

# The command of the RO-Crate validator, with the contexts in place of the network.
cat >"$scratch/rocrate.py" <<'PY'
import json, os, pathlib

import rdflib.plugins.shared.jsonld.context as context
import rdflib.plugins.shared.jsonld.util as util
import requests

folder = pathlib.Path(os.environ["CONTEXTS"])
local = {
    "https://w3id.org/ro/crate/1.1/context": "rocrate-1.1.jsonld",
    "https://w3id.org/ro/terms/workflow-run/context": "wfrun.jsonld",
}
remote, send = util.source_to_json, requests.Session.send


def source_to_json(source, *args, **kwargs):
    if isinstance(source, str) and source in local:
        return json.loads((folder / local[source]).read_text()), None
    return remote(source, *args, **kwargs)


def send_locally(self, request, **kwargs):
    if request.url not in local:
        return send(self, request, **kwargs)
    response = requests.Response()
    response.status_code = 200
    response.url, response.request, response.encoding = request.url, request, "utf-8"
    response.headers["Content-Type"] = "application/ld+json"
    response._content = (folder / local[request.url]).read_bytes()
    return response


util.source_to_json = context.source_to_json = source_to_json
requests.Session.send = send_locally
try:
    import requests_cache

    requests_cache.CachedSession.send = send_locally
except ImportError:
    pass

from rocrate_validator.cli import cli  # noqa: E402  (after the above)

cli()
PY

bundle=$1
if [ -f "$bundle" ]; then
    mkdir "$scratch/bundle"
    check "the zip unpacks" "$python" -m zipfile -e "$bundle" "$scratch/bundle"
    bundle=$scratch/bundle
fi
cd "$bundle"

if [ -e manifest-sha256.txt ]; then
    check 'sha256sum: every byte' sha256sum --check --strict --quiet manifest-sha256.txt
else
    skipped 'sha256sum: there is no manifest-sha256.txt'
fi
if [ ! -e manifest-blake3.txt ]; then
    skipped 'b3sum: there is no manifest-blake3.txt'
elif command -v b3sum >/dev/null; then
    check 'b3sum: every byte' b3sum --check --quiet manifest-blake3.txt
else
    skipped 'b3sum: it is not installed'
fi

for profile in process workflow provenance; do
    check "rocrate-validator: $profile run crate 0.5" env "CONTEXTS=$contexts" "$python" \
        "$scratch/rocrate.py" validate --no-paging --verbose --requirement-severity REQUIRED \
        --profile-identifier "$profile-run-crate-0.5" .
done
check 'ro-crate-py: opens it' "$python" -c '
from rocrate.rocrate import ROCrate
crate = ROCrate(".")
assert crate.name and crate.mainEntity and crate.root_dataset["mentions"]
'
check 'cffconvert: CITATION.cff' "$cache/bin/cffconvert" --validate --infile CITATION.cff
check 'in-toto-attestation: provenance.intoto.json' "$python" -c '
import json
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
text = json.load(open("provenance.intoto.json"))
statement = Statement.copy_from_pb(json_format.ParseDict(text, statement_pb2.Statement()))
statement.validate()
assert statement.pb.predicate_type == "https://slsa.dev/provenance/v1"
# The parser refuses fields that the predicate does not have.
predicate = json_format.ParseDict(text["predicate"], provenance_pb2.Provenance())
assert predicate.build_definition.build_type and predicate.build_definition.external_parameters
assert predicate.run_details.builder.id
'
found=
for file in croissant/*.json; do
    [ -e "$file" ] || continue
    found=yes
    check "mlcroissant: $file" "$cache/bin/mlcroissant" validate --jsonld "$file"
done
[ -n "$found" ] || skipped 'mlcroissant: there is no data set'

if [ -z "${VERAPDF:-}" ]; then
    skipped 'veraPDF: VERAPDF is not set'
else
    for file in made/*.pdf; do
        [ -e "$file" ] || continue
        # shellcheck disable=SC2086  # a command with its arguments
        check "veraPDF: $file" $VERAPDF "$file"
    done
fi
