/**
 * One of many processes that judge as the paper's do: three rounds in one conversation, one request at a
 * time, each row appended to one file under a lock. Plain JavaScript without dependencies or a loader, so
 * that nothing but the design it stands for takes memory and time.
 *
 * Arguments: URL, file of results, number of this worker, of workers, of items.
 */
import { appendFileSync, closeSync, openSync, unlinkSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [url, out, own, workers, items] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function ask(messages) {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/v1/chat/completions`,
      { method: 'POST', agent },
      async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        resolve(JSON.parse(text).choices[0].message.content);
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify({ model: 'reference', temperature: 0, max_tokens: 512, messages }));
  });
}

async function locked(work) {
  for (;;) {
    try {
      closeSync(openSync(`${out}.lock`, 'wx'));
      break;
    } catch {
      await sleep(1);
    }
  }
  work();
  unlinkSync(`${out}.lock`);
}

process.send?.('ready');
await new Promise((resolve) => process.once('message', resolve));
for (let item = Number(own); item < Number(items); item += Number(workers)) {
  const messages = [{ role: 'user', content: `Question, reference, and: finding ${item}x` }];
  const scores = [];
  for (let round = 0; round < 3; round++) {
    const content = await ask(messages);
    scores.push(JSON.parse(content).score);
    messages.push({ role: 'assistant', content }, { role: 'user', content: 'Judge it again.' });
  }
  const score = scores.filter((one) => one === 1).length >= 2 ? 1 : 0;
  await locked(() => appendFileSync(out, `${JSON.stringify({ item, score })}\n`));
}
process.disconnect?.();
agent.destroy();
