"""The desk's first tab: who writes says something, sees it as others will, and posts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from kit.core import ATTACHMENTS_MAX, TEXT_MAX, Attachment
from kit.errors import AttachmentError
from kit.views.desk.labels import PLACES, ROLES, meant
from kit.views.desk.my_entries import Mine
from kit.views.desk.render import who
from kit.views.desk.session import Room
from kit.views.desk.widgets import action, field, heading, row, show
from kit.views.markup import render
from kit.views.timeline import data_address, place_name, shown_files

__all__ = ["Writing"]


class Writing:
    """Write an entry, preview it, post it; below it, what became of one's earlier ones."""

    def __init__(self, room: Room, people: Sequence[str]) -> None:
        self.room = room
        self.files: list[Attachment] = []
        self._chosen: tuple[dict[str, Any], ...] = ()
        self.author = field(widgets.Dropdown, "谁在写 Who writes", options=room.options(people))
        self.text = field(widgets.Textarea, "内容 Text", rows=7, placeholder="今天……  Today…")
        self.place = field(widgets.Combobox, "地点 Place", options=list(PLACES))
        self.role = field(widgets.Combobox, "身份 Role", options=list(ROLES), value="居民 resident")
        self.upload = widgets.FileUpload(
            accept="image/*,video/*",
            multiple=True,
            description="添加图片或视频 Add pictures or video",
            layout=widgets.Layout(width="auto"),
        )
        self.unload = action("移除附件 Remove the files")
        self.post = action("提交 Post", main=True)
        self.message = room.message()
        self.preview, self.preview_files = widgets.HTML(), widgets.HTML()
        self.mine = Mine(room)
        self.box = widgets.VBox([self._form(), self.mine.box])
        self._listen()
        self._preview()
        self._preview_files()

    def _form(self) -> Any:
        left = widgets.VBox(
            [
                self.author,
                self.text,
                row(self.place, self.role),
                row(self.upload, self.unload),
                widgets.HTML(render("desk/files.html", most=ATTACHMENTS_MAX)),
                self.post,
                self.message.widget,
            ]
        )
        paper = widgets.VBox([heading("预览", "Preview"), self.preview, self.preview_files])
        paper.add_class("kit-paper")
        columns = widgets.Box([left, paper])
        columns.add_class("kit-columns")
        return columns

    def _listen(self) -> None:
        act, message = self.room.act, self.message
        for typed in (self.text, self.place, self.role):
            typed.observe(lambda _: act(message, self._preview, refresh=False), "value")
        self.author.observe(lambda _: act(message, self._preview), "value")
        self.upload.observe(lambda _: act(message, self._add), "value")
        self.unload.on_click(lambda _: act(message, self._remove))
        self.post.on_click(lambda _: act(message, self._post))

    def refresh(self) -> None:
        """Bring the tab up to date with the diary."""
        self.mine.refresh(self.author.value or "")

    # --- what people do --------------------------------------------------------------------------

    def _add(self) -> None:
        """Take the files that were chosen, beside those that are here already."""
        given = self.upload.value
        if not given:
            return
        # The browser need not get them back: their names keep its button's count right.
        self.upload.value = self._chosen
        new = [Attachment.of(file["name"], bytes(file["content"])) for file in given]
        if len(self.files) + len(new) > ATTACHMENTS_MAX:
            got, fix = f"{len(self.files) + len(new)}", "Post the rest in a second entry."
            raise AttachmentError(f"at most {ATTACHMENTS_MAX} files", got, fix)
        self.files += new
        self._chosen += tuple({**file, "content": b""} for file in given)
        self.upload.value = self._chosen
        self._preview_files()

    def _remove(self) -> None:
        self.files, self._chosen = [], ()
        self.upload.value = ()
        self._preview_files()

    def _post(self) -> str | None:
        if self.post.disabled:  # a second click, before the first was done
            return None
        entry = self.room.diary.post(
            self.room.account(self.author.value),
            self.text.value,
            place=meant(PLACES, self.place.value),
            role=meant(ROLES, self.role.value),
            attachments=self.files,
        )
        self.text.value = ""
        self._remove()
        self._preview()
        self.mine.chosen = entry.commitment
        return "已提交，等待审核。 Posted; it waits for a review."

    # --- the preview -----------------------------------------------------------------------------

    def _preview(self) -> None:
        text = self.text.value
        self.post.disabled = not text.strip()
        body = {
            "text": text if text.strip() else "……",
            "place": meant(PLACES, self.place.value) or "地点 place",
            "role": meant(ROLES, self.role.value) or "身份 role",
        }
        self.preview.value = render(
            "desk/preview.html",
            body=body,
            where=place_name(body["place"]),
            author=who(self.room, self.author.value) if self.author.value else "作者 author",
            count=len(text),
            most=TEXT_MAX,
        )

    def _preview_files(self) -> None:
        by_hash = {file.sha256: file for file in self.files}
        shown = shown_files(
            [file.to_json() for file in self.files],
            lambda file: data_address(file["media_type"], by_hash[file["sha256"]].content),
        )
        self.preview_files.value = render("desk/preview_files.html", files=shown)
        show(self.unload, self.files)
