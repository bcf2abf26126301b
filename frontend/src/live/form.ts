/** A problem's tables as the texts of a form, and back; what a form does not show stays as it is. */

type Values = Record<string, unknown>;
export type Texts = Record<string, string>;

export interface TermForm {
  term: string;
  weight: string;
  tissues: string[];
  brighter: string;
  rest: Values;
}

export interface TissueForm {
  name: string;
  texts: Texts;
  rest: Values;
}

export interface Form {
  name: string;
  title: string;
  tissues: TissueForm[];
  imaging: Texts;
  terms: TermForm[];
  space: Texts;
  rest: Values;
}

export const TISSUE_KEYS = ["m0", "t1_ms", "t2_ms", "t2_prime_ms", "b0_hz"];
export const IMAGING_KEYS = ["b1", "b0_hz", "spread_hz"];
export const SPACE_KEYS = ["max_rf", "flip_range_deg", "max_flip_deg", "min_rf_delay_ms", "max_delay_ms"];
const NUMBER = "([-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+)?)";
const MEAN = new RegExp(`^${NUMBER}\\s*(?:±|\\+-|\\+/-)\\s*${NUMBER}$`, "i");
const RANGE = new RegExp(`^${NUMBER}\\s*(?:to|–|\\.\\.)\\s*${NUMBER}$`, "i");

/** As "110 ± 9", "0.8 to 1.2", "inf"; of a text that is none of these the text itself, for the server to refuse. */
export function readQuantity(text: string): unknown {
  const given = text.trim();
  if (/^(inf|∞)$/i.test(given)) return "inf";
  const [, mean, sd] = MEAN.exec(given) ?? [];
  if (mean) return { mean: Number(mean), sd: Number(sd) };
  const [, low, high] = RANGE.exec(given) ?? [];
  if (low) return { low: Number(low), high: Number(high) };
  return given !== "" && Number.isFinite(Number(given)) ? Number(given) : given;
}

export function quantityText(value: unknown): string {
  if (Array.isArray(value)) return value.map(quantityText).join(" to ");
  if (typeof value !== "object" || value === null) return value === undefined ? "" : String(value);
  const { mean, sd, low, high } = value as Record<string, number>;
  return mean !== undefined ? `${mean} ± ${sd}` : `${low} to ${high}`;
}

export function formOf(tables: Values): Form {
  const { name, title, tissues, imaging, objective, search_space, ...rest } = tables as Record<
    string,
    Values
  >;
  return {
    name: String(name ?? ""),
    title: String(title ?? ""),
    tissues: Object.entries(tissues ?? {}).map(([each, values]) => ({
      name: each,
      ...textsOf(values as Values, TISSUE_KEYS),
    })),
    imaging: textsOf(imaging, IMAGING_KEYS).texts,
    terms: ((objective ?? []) as unknown as Values[]).map(termOf),
    space: textsOf(search_space, SPACE_KEYS).texts,
    rest: { ...rest, search_space: textsOf(search_space, SPACE_KEYS).rest },
  };
}

function termOf({ term, weight, tissues, brighter, ...rest }: Values): TermForm {
  return {
    term: String(term),
    weight: quantityText(weight),
    tissues: (tissues as string[]) ?? [],
    brighter: String(brighter ?? ""),
    rest,
  };
}

function textsOf(values: Values | undefined, keys: string[]): { texts: Texts; rest: Values } {
  const entries = Object.entries(values ?? {});
  return {
    texts: Object.fromEntries(keys.map((key) => [key, quantityText(values?.[key])])),
    rest: Object.fromEntries(entries.filter(([key]) => !keys.includes(key))),
  };
}

/** Tables of a form, as the server takes them; an Error where two tissues have one name. */
export function tablesOf(form: Form): Values {
  const names = form.tissues.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new Error(`two tissues are named '${twice}'`);
  const { search_space, ...rest } = form.rest as Record<string, Values>;
  const range = readQuantity(form.space.flip_range_deg) as { low: number; high: number };
  return {
    name: form.name,
    ...(form.title ? { title: form.title } : {}),
    tissues: Object.fromEntries(
      form.tissues.map((each) => [each.name, { ...valuesOf(each.texts), ...each.rest }]),
    ),
    imaging: valuesOf(form.imaging),
    objective: form.terms.map(({ term, weight, tissues, brighter, rest: others }) => ({
      term,
      weight: readQuantity(weight),
      ...(tissues.length ? { tissues } : {}),
      ...(brighter ? { brighter } : {}),
      ...others,
    })),
    ...rest,
    search_space: {
      ...valuesOf(form.space),
      ...(range.low === undefined ? {} : { flip_range_deg: [range.low, range.high] }),
      ...search_space,
    },
  };
}

function valuesOf(texts: Texts): Values {
  const stated = Object.entries(texts).filter(([, text]) => text.trim() !== "");
  return Object.fromEntries(stated.map(([key, text]) => [key, readQuantity(text)]));
}

/** The form with a tissue of another name, in the terms too. */
export function renamed(form: Form, at: number, name: string): Form {
  const before = form.tissues[at].name;
  const swap = (each: string) => (each === before ? name : each);
  return {
    ...form,
    tissues: form.tissues.with(at, { ...form.tissues[at], name }),
    terms: form.terms.map((term) => ({
      ...term,
      tissues: term.tissues.map(swap),
      brighter: term.brighter && swap(term.brighter),
    })),
  };
}
