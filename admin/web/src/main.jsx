// SPDX-License-Identifier: Apache-2.0
// The page: a dashboard strip and the tables. A client of the REST API and nothing else.
import { render } from "preact";
import { signal } from "@preact/signals";
import { offline, signedIn, state, toast, watch } from "./api.js";
import { Dialogs } from "./dialogs.jsx";
import { Disks, Scrubs } from "./disks.jsx";
import { size } from "./format.js";
import { SignIn, signOut, takeToken } from "./signin.jsx";
import { Clones, Jobs, Luns, Snapshots, Volumes } from "./tables.jsx";

const themes = ["auto", "light", "dark"];
const theme = signal(themes.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto");

function applyTheme() {
	if (theme.value === "auto") delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = theme.value;
}

function nextTheme() {
	theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length];
	localStorage.setItem("theme", theme.value);
	applyTheme();
}

function Health() {
	const { status } = state.value;
	if (!status) return <div class="card"><h2>Health</h2><div class="big dim">…</div></div>;
	if (offline.value) return <div class="card"><h2>Health</h2><div class="big state bad">not known</div><div class="dim">was {status.state} when the server last answered</div></div>;
	const tone = status.state === "ok" ? "good" : status.state === "starting" ? "dim" : "warn";
	return (
		<div class="card">
			<h2>Health</h2>
			<div class={`big state ${tone}`}>{status.state}</div>
			<div class="dim">{status.volumes.online} of {status.volumes.count} volumes online</div>
			{status.problems.length > 0 && <ul class="problems">{status.problems.map((p) => <li class={p.severity === "error" ? "bad" : "warn"}>{p.target}: {p.message}</li>)}</ul>}
		</div>
	);
}

function Capacity() {
	const online = state.value.volumes.filter((v) => v.space);
	const total = online.reduce((sum, v) => sum + v.space.size, 0);
	const used = online.reduce((sum, v) => sum + v.space.used, 0);
	const snapshots = online.reduce((sum, v) => sum + v.space.snapshot, 0);
	return (
		<div class="card">
			<h2>Capacity</h2>
			<div class="big">{size(used)} <span class="dim">of {size(total)}</span></div>
			<progress class="wide" max={total || 1} value={used} aria-label="Capacity used" />
			<div class="dim">{size(snapshots)} in snapshots</div>
		</div>
	);
}

function Counts() {
	const { luns, clones, exports } = state.value;
	const running = clones.filter((c) => c.state === "running").length;
	return (
		<div class="card">
			<h2>Served</h2>
			<div class="big">{luns.length} <span class="dim">LUNs</span> {exports.length} <span class="dim">exports</span></div>
			<div class="dim">{luns.filter((l) => l.backing).length} backed by a snapshot, {running} being cloned</div>
		</div>
	);
}

function Memory() {
	const memory = state.value.status?.memory;
	return (
		<div class="card">
			<h2>Memory</h2>
			<div class="big">{size(memory?.used)} <span class="dim">of {size(memory?.size)}</span></div>
			<progress class="wide" max={memory?.size || 1} value={memory?.used ?? 0} aria-label="Page memory used" />
			<div class="dim">pages for the cache and for connections</div>
		</div>
	);
}

function Served() {
	return (
		<>
			<main>
				<div class="strip"><Health /><Capacity /><Counts /><Memory /></div>
				<Clones />
				<Volumes />
				<Snapshots />
				<Luns />
				<Disks />
				<Scrubs />
				<Jobs />
			</main>
			<Dialogs />
		</>
	);
}

function App() {
	return (
		<>
			<header>
				<h1>vcstore</h1>
				<span class="dim">{state.value.status?.version}</span>
				<span class="grow" />
				{signedIn.value && <button onClick={signOut}>Sign out</button>}
				<button onClick={nextTheme} aria-label={`Colours: ${theme.value}`}>{{ auto: "Auto", light: "Light", dark: "Dark" }[theme.value]}</button>
			</header>
			{offline.value && <div class="banner" role="status">{offline.value}</div>}
			{signedIn.value === false ? <SignIn problem={problem.value} /> : <Served />}
			<div aria-live="polite">{toast.value && <div class={`toast ${toast.value.bad ? "err" : ""}`}>{toast.value.text}</div>}</div>
		</>
	);
}

// A link with a token may also be opened in a tab that has the page already: then only what is behind # changes.
const problem = signal("");
async function enter() {
	problem.value = await takeToken();
}

applyTheme();
addEventListener("hashchange", enter);
enter().then(() => {
	render(<App />, document.getElementById("app"));
	watch();
});
