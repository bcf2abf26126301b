/** Numbers as people read them. */

export function ms(seconds: number): string {
  const value = 1e3 * seconds;
  return value < 1000 ? `${trimmed(value, value < 100 ? 2 : 1)} ms` : `${trimmed(seconds, 3)} s`;
}

export function degrees(radians: number): string {
  return `${minus(trimmed((radians * 180) / Math.PI, 1))}°`;
}

export function signed(value: number, digits: number): string {
  return value < 0 ? `−${(-value).toFixed(digits)}` : `+${value.toFixed(digits)}`;
}

export function fixed(value: number, digits: number): string {
  return Number.isNaN(value) ? "–" : minus(value.toFixed(digits));
}

/** At most so many digits after the point. */
export function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

function minus(text: string): string {
  return text.replace(/^-/, "−");
}
