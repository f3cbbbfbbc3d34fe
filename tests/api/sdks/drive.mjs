// Calls methods of OpenAI's SDK: a line of JSON in, a line of JSON out.
import { createInterface } from "node:readline";
import OpenAI from "openai";

for await (const line of createInterface({ input: process.stdin })) {
  const { house, method, ids, given, every } = JSON.parse(line);
  const asked = [];
  const client = new OpenAI({
    ...house,
    maxRetries: 0,
    fetch: (url, init) => {
      asked.push([(init?.method ?? "GET").toUpperCase(), String(url)]);
      return fetch(url, init);
    },
  });
  const path = method.split(".");
  const name = path.pop();
  const resource = path.reduce((found, part) => found[part], client.admin.organization);
  const said = { asked };
  try {
    const call = resource[name](...ids, ...(Object.keys(given).length ? [given] : []));
    if (every) {
      said.answer = [];
      for await (const item of call) said.answer.push(item);
    } else {
      said.answer = await call;
    }
  } catch (error) {
    Object.assign(said, { status: error.status ?? 0, error: String(error) });
  }
  console.log(JSON.stringify(said));
}
