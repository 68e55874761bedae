// SPDX-License-Identifier: Apache-2.0
// A form in a dialog: native <dialog>, so that focus, Escape and the rest of the page behave by themselves.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { refresh, say } from "./api.js";

export const dialog = signal(null); // { kind, ...what it is about }
export function Field({ label, hint, ...input }) {
	return <label>{label}{hint && <small>{hint}</small>}<input {...input} /></label>;
}

// A form in a dialog; `send(values)` does it and may throw.
export function Form({ title, action, danger, send, children }) {
	const box = useRef(null);
	const [error, setError] = useState("");
	const [busy, setBusy] = useState(false);
	const [mine] = useState(dialog.value); // another may be open by the time this one says that it is closed
	const close = () => { if (dialog.value === mine) dialog.value = null; };
	useEffect(() => { box.current.showModal(); }, []);
	const submit = async (event) => {
		event.preventDefault();
		setBusy(true);
		setError("");
		try {
			const said = await send(Object.fromEntries(new FormData(event.currentTarget)));
			say(said ?? `${title}: done`);
			close();
			await refresh();
		} catch (failure) {
			setError(failure.message);
			setBusy(false);
		}
	};
	return (
		<dialog ref={box} onClose={close} aria-labelledby="dialog-title">
			<form onSubmit={submit}>
				<h2 id="dialog-title">{title}</h2>
				{children}
				{error && <div role="alert">{error}</div>}
				<div class="buttons">
					<button type="button" autofocus={danger} onClick={() => box.current.close()}>Cancel</button>
					<button class={danger ? "danger" : "main"} disabled={busy}>{action}</button>
				</div>
			</form>
		</dialog>
	);
}
