// SPDX-License-Identifier: Apache-2.0
// Signing in and out: the token, from the address bar or pasted, for the cookie of a session.
import { useEffect, useState } from "preact/hooks";
import { ask, refresh, signedIn, signedOut } from "./api.js";
import { Field } from "./form.jsx";

async function signIn(token) {
	await ask("POST", "session", { token: token.trim() });
	signedIn.value = true;
	await refresh();
}

export async function signOut() {
	await ask("DELETE", "session").catch(() => {});
	signedOut();
}

// What stands behind # is not sent to the server, and is not to stay in the address bar or the history. Before anything is asked.
export async function takeToken() {
	const token = new URLSearchParams(location.hash.slice(1)).get("token");
	if (!token) return "";
	history.replaceState(null, "", location.pathname + location.search);
	return signIn(token).then(() => "", (failure) => failure.message);
}

export function SignIn({ problem }) {
	const [error, setError] = useState(problem);
	const [busy, setBusy] = useState(false);
	useEffect(() => setError(problem), [problem]);
	useEffect(() => document.querySelector("[name=token]").focus(), []);
	const submit = async (event) => {
		event.preventDefault();
		setBusy(true);
		await signIn(new FormData(event.currentTarget).get("token")).catch((failure) => { setError(failure.message); });
		setBusy(false);
	};
	return (
		<main class="signin">
			<form class="card" onSubmit={submit} aria-labelledby="signin-title">
				<h2 id="signin-title">Sign in</h2>
				<Field label="Token" name="token" type="password" required autocomplete="off" spellcheck={false} aria-describedby="signin-where" />
				<div id="signin-where" class="dim">The server keeps it in the file <code>admin.token</code> of its state directory; <code>./quickstart</code> prints an address that signs you in.</div>
				{error && <div role="alert">{error}</div>}
				<div class="buttons"><button class="main" disabled={busy}>Sign in</button></div>
			</form>
		</main>
	);
}
