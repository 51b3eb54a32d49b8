"""The site's evidence files: for the owner and for readers of a shared link, verified by the published key."""

import hashlib
import json
from pathlib import Path

import httpx
import pytest

from outlast import Outlast, Settings
from outlast_reviews.analysis import register
from outlast_reviews.evidence.signing import verify
from outlast_reviews.invented import sample_csv
from sqlite_template import with_store


@pytest.mark.slow
async def test_evidence_of_an_upload_is_verified_with_the_published_key(tmp_path: Path):
    outlast = Outlast(Settings(data_dir=with_store(tmp_path)))
    register(outlast)
    raw = sample_csv().encode()
    async with outlast.lifespan(workers=1):
        transport = httpx.ASGITransport(outlast.asgi())
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as owner,
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as anybody,
        ):
            token = {"X-CSRF-Token": (await owner.get("/api/analysis/token")).json()["token"]}
            files = {"file": ("lamp.csv", raw, "text/csv")}
            source = (await owner.post("/api/analysis/upload", files=files, headers=token)).json()["source"]
            body = {"analysis": "product", "input": {"source": source}}
            session = (await owner.post("/api/analysis/start", json=body, headers=token)).json()["session_id"]
            async for view in outlast.watch(session):
                status = view.session.status
            assert status == "completed"
            link = await outlast.share(session)

            key = (await anybody.get("/.well-known/outlast-evidence-key.json")).json()["public_key"]
            page = await owner.get(f"/analysis/{session}", headers={"Accept": "text/html"})
            for name in ("evidence.html", "evidence.json"):
                path = f"/analysis/{session}/export/{name}"
                assert path in page.text
                file = (await owner.get(path)).content
                assert verify(file, key).state == "valid"
                assert (await anybody.get(f"/shared/{link}/export/{name}")).content == file
                assert (await anybody.get(path)).status_code in (401, 403, 404)
                assert hashlib.sha256(raw).hexdigest() in file.decode()
    (read,) = json.loads(file)["document"]["inputs"]
    assert read == {
        "name": "lamp.csv",
        "kind": "file",
        "sha256": hashlib.sha256(raw).hexdigest(),
        "bytes": len(raw),
    }
