"""Drives a server with a client of InvenioRDM that others wrote, as a program of its own; prints what it read.

Called as ``invenio_client.py ADDRESS TOKEN PAYLOAD RECORD``: PAYLOAD is a file with a body of ours, RECORD one of ours.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from invenio_rest_api_client import AuthenticatedClient
from invenio_rest_api_client.api.drafts import get_a_draft_records, publish_a_draft_record, reserve_a_doi
from invenio_rest_api_client.api.drafts_files_upload import (
    step_1_start_draft_file_uploads,
    step_2_upload_a_draft_files_content,
    step_3_complete_a_draft_file_upload,
)
from invenio_rest_api_client.api.records import create_a_draft_record, get_a_record_by_id
from invenio_rest_api_client.api.records_files import list_a_records_files
from invenio_rest_api_client.models import CreateADraftRecordBody, FileTransferItem
from invenio_rest_api_client.types import File

address, token, payload, ours = sys.argv[1:]
client = AuthenticatedClient(base_url=address, token=token, raise_on_unexpected_status=True)
body = CreateADraftRecordBody.model_validate(json.loads(Path(payload).read_text()))
with client:
    draft = create_a_draft_record.sync(client=client, body=body)
    step_1_start_draft_file_uploads.sync(draft.id, client=client, body=[FileTransferItem(key="a.txt")])
    sent = File(payload=io.BytesIO(b"bytes"), file_name="a.txt", mime_type="text/plain")
    step_2_upload_a_draft_files_content.sync(draft.id, "a.txt", client=client, body=sent)
    # It waits for 201 here, the reference says 200; the answer's content is the same.
    client.raise_on_unexpected_status = False
    answer = step_3_complete_a_draft_file_upload.sync_detailed(draft.id, "a.txt", client=client)
    client.raise_on_unexpected_status = True
    committed = json.loads(answer.content)
    reserved = reserve_a_doi.sync(draft.id, client=client)
    published = publish_a_draft_record.sync_detailed(draft.id, client=client)
    record = get_a_record_by_id.sync(draft.id, client=client)
    read = get_a_record_by_id.sync(ours, client=client)
    files = list_a_records_files.sync(ours, client=client)
    gone = get_a_draft_records.sync_detailed(draft.id, client=client)
told = {
    "checksum": committed["checksum"],
    "doi": reserved["pids"]["doi"]["identifier"],
    "published": published.status_code,
    "is_published": record.is_published,
    "draft": gone.status_code,
    "title": read.metadata.title,
    "creator": read.metadata.creators[0].person_or_org.family_name,
    "licence": read.metadata.rights[0].id,
    "files": sorted(entry["key"] for entry in (files if isinstance(files, dict) else files.model_dump())["entries"]),
}
sys.stdout.write(json.dumps(told))
