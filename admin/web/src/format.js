// SPDX-License-Identifier: Apache-2.0
// Sizes and times as people read them.
const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function size(bytes) {
	if (bytes === undefined || bytes === null) return "–";
	let unit = 0, value = bytes;
	while (value >= 1024 && unit < units.length - 1) {
		value /= 1024;
		unit++;
	}
	const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
	return `${value.toFixed(digits)} ${units[unit]}`;
}

// "1.5g" -> bytes, NaN when it is not a size.
export function parseSize(text) {
	const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text);
	if (!match) return NaN;
	const power = match[2] === "" ? 0 : "kmgt".indexOf(match[2].toLowerCase()) + 1;
	return Math.floor(Number(match[1]) * 1024 ** power);
}

// As parseSize reads it, exactly: 2097152 -> "2m".
export function sizeText(bytes) {
	let power = 0;
	while (power < 4 && bytes > 0 && bytes % 1024 === 0) {
		bytes /= 1024;
		power++;
	}
	return `${bytes}${["", "k", "m", "g", "t"][power]}`;
}

export function left(seconds) {
	if (seconds < 120) return `${seconds} s`;
	if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
	return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

export function ago(text) {
	const seconds = Math.max(0, (Date.now() - Date.parse(text)) / 1000);
	if (Number.isNaN(seconds)) return text;
	if (seconds < 90) return `${Math.round(seconds)} s ago`;
	if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
	if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
	return new Date(text).toLocaleDateString();
}
