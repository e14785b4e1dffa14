import { describe, expect, it } from 'vitest';
import { unsupportedFields } from './unsupported-fields.ts';

const both = ['response_format', 'seed'] as const;
const openAi = (message: string, more: object = {}) =>
  JSON.stringify({ error: { message, type: 'invalid_request_error', ...more } });
const fastApi = (...fields: readonly string[]) =>
  JSON.stringify({
    detail: fields.map((field) => ({
      type: 'extra_forbidden',
      loc: ['body', field],
      msg: 'Extra inputs are not permitted',
      input: { type: 'json_schema' },
    })),
  });

describe('a field is left out where a server says that it does not support it', () => {
  it.each<[who: string, said: string, fields: readonly string[]]>([
    [
      'OpenAI',
      openAi(
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model. Learn more about supported models at the Structured Outputs guide: https://platform.openai.com/docs.",
      ),
      ['response_format'],
    ],
    [
      'OpenAI, of a seed',
      openAi("Unsupported parameter: 'seed' is not supported with this model.", {
        param: 'seed',
        code: 'unsupported_parameter',
      }),
      ['seed'],
    ],
    [
      'OpenAI, by the field alone',
      openAi('Unsupported value', { param: 'response_format' }),
      ['response_format'],
    ],
    [
      'Azure',
      openAi('Unrecognized request argument supplied: response_format'),
      ['response_format'],
    ],
    [
      'llama-cpp-python',
      openAi("Llama.create_chat_completion() got an unexpected keyword argument 'seed'", {
        type: 'internal_server_error',
        param: null,
        code: null,
      }),
      ['seed'],
    ],
    ['FastAPI', fastApi('response_format'), ['response_format']],
    ['FastAPI, of two', fastApi('seed', 'response_format'), ['response_format', 'seed']],
    ['DeepSeek', openAi('This response_format type is unavailable now'), ['response_format']],
    [
      'Groq',
      openAi(
        'This model does not support response format `json_schema`. See supported models at https://console.groq.com',
      ),
      ['response_format'],
    ],
    [
      'vLLM',
      JSON.stringify({ object: 'error', message: 'Guided decoding is not supported', code: 400 }),
      ['response_format'],
    ],
    [
      'xgrammar',
      openAi('The provided JSON schema contains features not supported by xgrammar.'),
      ['response_format'],
    ],
    [
      'Text Generation Inference',
      JSON.stringify({ error: 'Grammars are not supported', error_type: 'validation' }),
      ['response_format'],
    ],
    [
      'Gemini',
      openAi('Invalid JSON payload received. Unknown name "response_format": Cannot find field.'),
      ['response_format'],
    ],
    ['a page of text', 'Error: response_format is not implemented yet', ['response_format']],
    [
      'a body cut off in the middle',
      '{"error": {"message": "response_format is not supported", "request": "',
      ['response_format'],
    ],
  ])('%s', (_, said, fields) => {
    expect(unsupportedFields(said, both)).toEqual(fields);
    expect(unsupportedFields(said, [])).toEqual([]);
  });
});

describe('it stays where the server minds something else', () => {
  it.each([
    ['memory', openAi('CUDA out of memory')],
    ['a page of a proxy', '<html><body><h1>502 Bad Gateway</h1></body></html>'],
    ['nothing', ''],
    ['the context', openAi("This model's maximum context length is 2048 tokens")],
    ['logprobs', openAi("'logprobs' is not supported by this model")],
    ['logprobs beside a schema', openAi('logprobs are not supported with response_format')],
    ['the model', openAi("The model 'x' does not exist or is not available")],
    ['images', openAi('image input is not supported')],
    ['max_tokens', openAi("Unsupported parameter: 'max_tokens'", { param: 'max_tokens' })],
    ['an extra of the user', fastApi('chat_template_kwargs')],
    ['a missing field', openAi("Missing required parameter: 'response_format.json_schema'")],
    [
      'something beside an echo of the request',
      JSON.stringify({
        error: { message: 'Unknown tenant' },
        request: { response_format: { type: 'json_schema' }, seed: 7 },
      }),
    ],
    [
      'a field whose issue echoes the body',
      JSON.stringify({
        detail: [
          { type: 'missing', loc: ['body', 'tenant'], msg: 'not known', input: { seed: 1 } },
        ],
      }),
    ],
    [
      'another field in another sentence',
      openAi('Received response_format and seed. Tools are not supported.'),
    ],
  ])('%s', (_, said) => {
    expect(unsupportedFields(said, both)).toEqual([]);
  });
});
