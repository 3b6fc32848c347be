// A plugin of typedoc: a guide is called by its first heading, not by the name of its file.
import { Converter } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const title = /^# (.+)$/m.exec(document.content[0]?.text ?? '')?.[1];
    if (title !== undefined) document.name = title;
  });
}
