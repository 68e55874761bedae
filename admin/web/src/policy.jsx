// SPDX-License-Identifier: Apache-2.0
// What a volume does to its snapshots by itself: the schedule, and what may go when space runs short.
import { ask } from "./api.js";
import { Field, Form } from "./form.jsx";

const usual = { hourly: ":05", daily: "00:10", weekly: "sun@00:15" };
const days = { sun: "Sunday", mon: "Monday", tue: "Tuesday", wed: "Wednesday", thu: "Thursday", fri: "Friday", sat: "Saturday" };
const path = (volume, what) => `storage/volumes/${encodeURIComponent(volume)}/snapshot-${what}`;

// What a volume's schedule is, in a few words: "6 hourly, 7 daily".
export const scheduleText = (schedule) => Object.keys(usual).filter((kind) => schedule?.[kind]).map((kind) => `${schedule[kind].keep} ${kind}`).join(", ");

function Keep({ kind, schedule }) {
	return <Field label={`Keep, ${kind}`} name={`${kind}-keep`} type="number" min={0} max={250} required defaultValue={schedule?.[kind]?.keep ?? 0} />;
}

// Not type="time": that shows the browser's twelve hours for what is UTC.
function Clock({ name, value }) {
	return <Field label="Time (UTC)" name={name} required pattern="([01]?[0-9]|2[0-3]):[0-5][0-9]" title="HH:MM" placeholder="HH:MM" defaultValue={value} />;
}

function bodyOf(values) {
	const at = { hourly: `:${values["hourly-minute"].padStart(2, "0")}`, daily: values["daily-time"], weekly: `${values["weekly-day"]}@${values["weekly-time"]}` };
	const kept = Object.keys(usual).filter((kind) => Number(values[`${kind}-keep`]) > 0);
	return Object.fromEntries(kept.map((kind) => [kind, { keep: Number(values[`${kind}-keep`]), at: at[kind] }]));
}

export function ScheduleDialog({ volume, schedule }) {
	const at = (kind) => schedule?.[kind]?.at ?? usual[kind];
	const [day, time] = at("weekly").split("@");
	const send = async (values) => {
		const body = bodyOf(values);
		if (Object.keys(body).length > 0) await ask("PUT", path(volume, "schedule"), body);
		else if (schedule) await ask("DELETE", path(volume, "schedule"));
		return Object.keys(body).length > 0 ? `Schedule of ${volume} set` : `${volume} has no schedule`;
	};
	return (
		<Form title={`Snapshot schedule of ${volume}`} action="Set" send={send}>
			<div class="dim">The server makes a snapshot at each of these times (UTC), and deletes its oldest beyond those to keep. 0 is off. Snapshots that a LUN needs stay.</div>
			<fieldset><legend>Hourly</legend>
				<Keep kind="hourly" schedule={schedule} />
				<Field label="Minutes past the hour" name="hourly-minute" type="number" min={0} max={59} required defaultValue={Number(at("hourly").slice(1))} />
			</fieldset>
			<fieldset><legend>Daily</legend>
				<Keep kind="daily" schedule={schedule} />
				<Clock name="daily-time" value={at("daily")} />
			</fieldset>
			<fieldset><legend>Weekly</legend>
				<Keep kind="weekly" schedule={schedule} />
				<label>Day<select name="weekly-day" defaultValue={day}>{Object.entries(days).map(([key, name]) => <option value={key} selected={key === day}>{name}</option>)}</select></label>
				<Clock name="weekly-time" value={time} />
			</fieldset>
		</Form>
	);
}

function Choice({ label, name, value, of }) {
	return <label>{label}<select name={name}>{Object.entries(of).map(([key, text]) => <option value={key} selected={key === value}>{text}</option>)}</select></label>;
}

export function AutodeleteDialog({ volume, now }) {
	const send = (v) => ask("PATCH", path(volume, "autodelete"), {
		enabled: v.enabled === "on", trigger_free: Number(v.trigger), target_free: Number(v.target), order: v.order, delete: v.delete, defer: v.defer, keep_prefix: v.keep,
	}).then((done) => `Snapshot autodelete of ${volume} is ${done.enabled ? "on" : "off"}`);
	return (
		<Form title={`Snapshot autodelete of ${volume}`} action="Set" send={send}>
			<label class="line"><input type="checkbox" name="enabled" defaultChecked={now.enabled} autofocus />Delete snapshots when space runs short</label>
			<fieldset><legend>When</legend>
				<Field label="Begin below, % free" name="trigger" type="number" min={0} max={100} required defaultValue={now.trigger_free} />
				<Field label="End at, % free" name="target" type="number" min={0} max={100} required defaultValue={now.target_free} />
			</fieldset>
			<fieldset class="wide"><legend>Which</legend>
				<Choice label="May be deleted" name="delete" value={now.delete} of={{ scheduled: "only scheduled ones", all: "those of users too" }} />
				<Choice label="Go last" name="defer" value={now.defer} of={{ "user-created": "those of users", scheduled: "scheduled ones", none: "no matter whose" }} />
				<Choice label="Order" name="order" value={now.order} of={{ "oldest-first": "oldest first", "newest-first": "newest first" }} />
				<Field label="Never those that begin with" name="keep" maxLength={103} defaultValue={now.keep_prefix} />
			</fieldset>
			<div class="dim">Snapshots that a LUN needs are never deleted.</div>
		</Form>
	);
}
