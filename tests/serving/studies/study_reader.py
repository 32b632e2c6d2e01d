"""A reader's browser at a served study."""

import json
from typing import Any

from tests.serving.page_cases import Answer, Reader
from tests.serving.studies.served_study import ServedStudy


class StudyReader(Reader):
    """A browser that has opened a reader's last link."""

    def __init__(self, study: ServedStudy, code: str) -> None:
        self.address, self.cookie, self.code = study.address, "", code
        entered = self.send("GET", study.link(code))
        assert entered.status == 200
        self.cookie = entered.headers["set-cookie"].split(";")[0]

    def ask(self) -> Answer:
        return self.send("POST", f"/api/study/step?reader={self.code}")

    def step(self) -> Any:
        return self.ask().json

    def pixels(self, number: int) -> Answer:
        return self.send("GET", f"/api/study/steps/{number}/pixels?reader={self.code}")

    def answer(self, number: int, **changes: object) -> Answer:
        content = {"step": number, "probability": 20 + number, "decision": "no biopsy", "seconds": 1.5} | changes
        return self.send("POST", f"/api/study/answers?reader={self.code}", json.dumps(content))
