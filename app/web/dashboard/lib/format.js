/* Numbers and times for people. Null is always an en dash. Fractions come in, percents go out.

   percent(0.123) "12.3 %"   signed(0.123) "+12.3 %"   ratio(1.449) "1.45"   integer(12345) "12,345"
   compact(35000000) "35 M"  axisNumber(350) "350"  weight(0.0333) "3.33 %"   day("2024-01-31") "31 Jan 2024"
   month(2024, 1) "Jan 2024" moment("2024-01-31T12:00:00Z") "31 Jan 2024, 13:00" in the reader's zone
   momentLong(...) with seconds and the zone, for title=   ago(...) "3 minutes ago"   duration(1234) "1.2 s"
   growth(123.45) "123.5", growth(5571738) "5.57 M"
   words("MARKET_CAP") "Market cap"   words("maxAbsReturn") "Max abs return"   plural(2, "run") "2 runs" */

export const NONE = "\u2013";

const LOCALE = "en-GB";
const MINUS = "\u2212";
const THIN = "\u202f"; // narrow, and no line breaks at it
const numbers = new Map();

function fixed(value, digits) {
  if (!numbers.has(digits)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    numbers.set(digits, new Intl.NumberFormat(LOCALE, options));
  }
  const text = numbers.get(digits).format(Math.abs(value));
  const negative = value < 0 && /[1-9]/.test(text);
  return negative ? MINUS + text : text;
}

const missing = (value) => value === null || value === undefined || !Number.isFinite(value);

export function percent(value, digits = 1) {
  if (missing(value)) return NONE;
  return `${fixed(value * 100, Math.abs(value) < 10 ? digits : 0)}${THIN}%`;
}

export function signed(value, digits = 1) {
  if (missing(value)) return NONE;
  const text = percent(value, digits);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

export const weight = (value) => percent(value, 2);

export function ratio(value, digits = 2) {
  return missing(value) ? NONE : fixed(value, digits);
}

/** As short as an axis wants it: 350, 12.5, 0.25, 1.5 M. */
export function axisNumber(value) {
  if (Math.abs(value) >= 10_000) return compact(value);
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) < 1 ? 2 : 1;
  return ratio(value, digits);
}

/** A value of 100 invested. */
export function growth(value) {
  return Math.abs(value) >= 1_000_000 ? compact(value) : ratio(value, Math.abs(value) < 1_000 ? 1 : 0);
}

export function integer(value) {
  return missing(value) ? NONE : fixed(value, 0);
}

const compactFormat = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

export function compact(value) {
  if (missing(value)) return NONE;
  return compactFormat
    .format(value)
    .replace("-", MINUS)
    .replace(/([KMBT])$/, `${THIN}$1`);
}

// "Sept" is the only month of the locale with four letters.
const short = (format, date) => format.format(date).replace("Sept", "Sep");
const dayFormat = new Intl.DateTimeFormat(LOCALE, {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});
const monthFormat = new Intl.DateTimeFormat(LOCALE, { month: "short", year: "numeric", timeZone: "UTC" });
const momentFormat = new Intl.DateTimeFormat(LOCALE, {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const momentLongFormat = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "long" });
const agoFormat = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });

/** A calendar day has no zone: it is the same for every reader. */
export function day(text) {
  return text ? short(dayFormat, new Date(`${text}T00:00:00Z`)) : NONE;
}

/** A day given as seconds since 1970, as charts have it. */
export function dayOfSeconds(seconds) {
  return seconds === null || seconds === undefined ? NONE : short(dayFormat, new Date(seconds * 1000));
}

export function month(year, number) {
  return short(monthFormat, new Date(Date.UTC(year, number - 1, 1)));
}

export function moment(text) {
  return text ? short(momentFormat, new Date(text)) : NONE;
}

export function momentLong(text) {
  return text ? momentLongFormat.format(new Date(text)) : NONE;
}

const STEPS = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30],
  ["month", 12],
  ["year", Infinity],
];

export function ago(text, now = Date.now()) {
  if (!text) return NONE;
  let span = (new Date(text).getTime() - now) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(span) < size) return agoFormat.format(Math.trunc(span), unit);
    span /= size;
  }
  return moment(text);
}

export function duration(milliseconds) {
  if (missing(milliseconds)) return NONE;
  if (milliseconds < 1000) return `${fixed(milliseconds, 0)}${THIN}ms`;
  if (milliseconds < 59_950) return `${fixed(milliseconds / 1000, 1)}${THIN}s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}${THIN}min ${seconds % 60}${THIN}s`;
}

export function words(name) {
  if (!name) return NONE;
  const spaced =
    name.includes("_") || name === name.toUpperCase()
      ? name.replaceAll("_", " ")
      : name.replace(/([a-z])([A-Z0-9])/g, "$1 $2");
  const lower = spaced.toLowerCase();
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

export function plural(count, singular, many = `${singular}s`) {
  return `${integer(count)} ${count === 1 ? singular : many}`;
}
