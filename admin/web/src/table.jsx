// SPDX-License-Identifier: Apache-2.0
// What every table of the page has: its head, rows, and a state in colour.
import { useState } from "preact/hooks";

const tones = {
	online: "good", normal: "good", valid: "good", success: "good", done: "good", running: "", offline: "dim", stopped: "warn", cancelled: "warn", interrupted: "warn", paused: "warn", degraded: "warn", waiting: "bad", rebuilding: "warn", missing: "bad", stale: "bad", broken: "bad", spare: "good", none: "dim",
	deleting: "dim", failed: "bad", failure: "bad",
};

export const State = ({ is }) => <span class={`state ${tones[is] ?? ""}`}>{is}</span>;

const ROWS = 100; // shown at first: a page of a thousand is slow and of no use

export function Table({ title, columns, rows: every, empty, buttons, id }) {
	const [whole, setWhole] = useState(false);
	const rows = whole ? every : every.slice(0, ROWS);
	return (
		<section aria-labelledby={id}>
			<div class="head"><h2 id={id}>{title}</h2>{buttons}</div>
			{rows.length === 0 ? <div class="empty">{empty}</div> : (
				<div class="scroll"><table>
					<thead><tr>{columns.map((c) => <th scope="col" class={c.num ? "num" : ""}>{c.head}</th>)}</tr></thead>
					<tbody>{rows.map((row) => (
						<tr key={row.uuid ?? row.path ?? `${row.volume}/${row.name}`}>{columns.map((c) => <td class={c.class ?? (c.num ? "num" : "")}>{c.cell(row)}</td>)}</tr>
					))}</tbody>
				</table></div>
			)}
			{rows.length < every.length && <div class="empty">{rows.length} of {every.length} <button onClick={() => setWhole(true)}>Show all</button></div>}
		</section>
	);
}
