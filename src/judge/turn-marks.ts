/**
 * Marks that tell a model's server or its reader where a turn, a role, a thought or a tool call begins and ends.
 * An answer that holds one could end the judge's turn, speak in another role, or hide in a thought.
 */

type Family = {
  readonly models: string;
  readonly source: string;
  readonly marks: readonly string[];
};

export const turnMarks: readonly Family[] = [
  {
    models: 'ChatML: Qwen, Yi, Hermes, Nous, SmolLM, InternVL',
    source: 'chat template of Qwen/Qwen3-8B; openai-python chatml.md',
    marks: ['<|im_start|>', '<|im_end|>', '<|im_sep|>', '<|endoftext|>'],
  },
  {
    models: 'gpt-oss (harmony)',
    source: 'openai/harmony docs/format.md',
    marks: [
      '<|start|>',
      '<|end|>',
      '<|message|>',
      '<|channel|>',
      '<|constrain|>',
      '<|return|>',
      '<|call|>',
      'assistantanalysis',
      'assistantcommentary',
      'assistantfinal',
    ],
  },
  {
    models: 'Llama 2',
    source: 'chat template of meta-llama/Llama-2-7b-chat-hf',
    marks: ['[INST]', '[/INST]', '<<SYS>>', '<</SYS>>', '<s>', '</s>'],
  },
  {
    models: 'Llama 3',
    source: 'chat template of meta-llama/Llama-3.1-8B-Instruct',
    marks: [
      '<|begin_of_text|>',
      '<|end_of_text|>',
      '<|start_header_id|>',
      '<|end_header_id|>',
      '<|eot_id|>',
      '<|eom_id|>',
      '<|python_tag|>',
    ],
  },
  {
    models: 'Llama 4',
    source: 'chat template of meta-llama/Llama-4-Scout-17B-16E-Instruct',
    marks: ['<|header_start|>', '<|header_end|>', '<|eot|>', '<|eom|>', '<|python_start|>'],
  },
  {
    models: 'Mistral, Magistral, Ministral, Pixtral',
    source: 'mistralai/mistral-common, tokens/tokenizers',
    marks: [
      '[SYSTEM_PROMPT]',
      '[/SYSTEM_PROMPT]',
      '[AVAILABLE_TOOLS]',
      '[TOOL_CALLS]',
      '[TOOL_RESULTS]',
      '[/TOOL_RESULTS]',
      '[THINK]',
      '[/THINK]',
      '[IMG]',
    ],
  },
  {
    models: 'Gemma, MedGemma',
    source: 'chat template of google/gemma-3-4b-it',
    marks: ['<bos>', '<eos>', '<start_of_turn>', '<end_of_turn>', '<start_of_image>'],
  },
  {
    models: 'MedGemma 1.5, which thinks between two unused tokens',
    source: 'model card of google/medgemma-1.5-4b-it',
    marks: ['<unused94>', '<unused95>'],
  },
  {
    models: 'Gemma 4',
    source: 'vLLM, reasoning parser gemma4',
    marks: ['<|turn>', '<turn|>', '<|channel>', '<channel|>', '<|think|>'],
  },
  {
    models: 'DeepSeek',
    source: 'chat template of deepseek-ai/DeepSeek-R1',
    marks: [
      '<｜begin▁of▁sentence｜>',
      '<｜end▁of▁sentence｜>',
      '<｜User｜>',
      '<｜Assistant｜>',
      '<｜tool▁calls▁begin｜>',
      '<｜tool▁outputs▁begin｜>',
      '<|EOT|>',
    ],
  },
  {
    models: 'DeepSeek-R1, Qwen3, QwQ, GLM-4.5, MiniMax-M2, Nemotron, Phi-4-reasoning',
    source: 'vLLM, reasoning parsers deepseek_r1 and qwen3',
    marks: ['<think>', '</think>'],
  },
  {
    models: 'MediX-R1, Claude, LLaVA-CoT, Reflection',
    source: 'arXiv 2602.23363; chat templates of the models named',
    marks: [
      '<thinking>',
      '</thinking>',
      '<answer>',
      '</answer>',
      '<reason>',
      '<reasoning>',
      '</reasoning>',
      '<reflection>',
      '<scratchpad>',
      'Human:',
      'Assistant:',
    ],
  },
  {
    models: 'EXAONE',
    source: 'chat template of LGAI-EXAONE/EXAONE-Deep-7.8B',
    marks: ['<thought>', '</thought>', '[|system|]', '[|user|]', '[|assistant|]', '[|endofturn|]'],
  },
  {
    models: 'Seed-OSS',
    source: 'vLLM, reasoning parser seed_oss',
    marks: ['<seed:bos>', '<seed:eos>', '<seed:think>', '</seed:think>', '<seed:tool_call>'],
  },
  {
    models: 'LongCat',
    source: 'chat template of meituan-longcat/LongCat-Flash-Thinking',
    marks: ['<longcat_think>', '</longcat_think>', '<longcat_user>', '<longcat_assistant>'],
  },
  {
    models: 'MiniMax',
    source: 'chat template of MiniMaxAI/MiniMax-M2',
    marks: [']~!b[', ']~b]', '[e~[', '<mm:think>', '</mm:think>', '<minimax:tool_call>'],
  },
  {
    models: 'Kimi',
    source: 'chat templates of moonshotai/Kimi-VL-A3B-Thinking and Kimi-K2-Thinking',
    marks: [
      '◁think▷',
      '◁/think▷',
      '<|im_user|>',
      '<|im_assistant|>',
      '<|im_system|>',
      '<|im_middle|>',
      '<|media_start|>',
      '<|tool_calls_section_begin|>',
    ],
  },
  {
    models: 'Phi, GLM, Zephyr, StarChat',
    source: 'chat templates of microsoft/Phi-4-mini-instruct and zai-org/GLM-4.5',
    marks: [
      '<|system|>',
      '<|user|>',
      '<|assistant|>',
      '<|observation|>',
      '[gMASK]',
      '<sop>',
      '<eop>',
    ],
  },
  {
    models: 'Command R, Command A, Aya',
    source: 'chat template of CohereLabs/command-a-reasoning-08-2025',
    marks: [
      '<|START_OF_TURN_TOKEN|>',
      '<|END_OF_TURN_TOKEN|>',
      '<|USER_TOKEN|>',
      '<|CHATBOT_TOKEN|>',
      '<|SYSTEM_TOKEN|>',
      '<|START_THINKING|>',
      '<|END_THINKING|>',
      '<|START_RESPONSE|>',
      '<|END_RESPONSE|>',
      '<|START_ACTION|>',
    ],
  },
  {
    models: 'Granite',
    source: 'chat template of ibm-granite/granite-3.2-8b-instruct; vLLM, reasoning parser granite',
    marks: [
      '<|start_of_role|>',
      '<|end_of_role|>',
      'Here is my thought process:',
      "Here's my thought process:",
      'Here is my response:',
      "Here's my response:",
    ],
  },
  {
    models: 'Apriel',
    source: 'chat template of ServiceNow-AI/Apriel-1.5-15b-Thinker',
    marks: [
      'Here are my reasoning steps:',
      '[BEGIN FINAL RESPONSE]',
      '[END FINAL RESPONSE]',
      '<|begin_assistant|>',
    ],
  },
  {
    models: 'Sky-T1, OpenThoughts',
    source: 'model card of NovaSky-AI/Sky-T1-32B-Preview',
    marks: [
      '<|begin_of_thought|>',
      '<|end_of_thought|>',
      '<|begin_of_solution|>',
      '<|end_of_solution|>',
    ],
  },
  {
    models: 'Apertus',
    source: 'chat template of swiss-ai/Apertus-8B-Instruct-2509',
    marks: [
      '<|inner_prefix|>',
      '<|inner_suffix|>',
      '<|system_start|>',
      '<|user_start|>',
      '<|user_end|>',
      '<|assistant_start|>',
      '<|assistant_end|>',
    ],
  },
  {
    models: 'InternLM, Baichuan',
    source: 'chat templates of internlm/internlm2-chat-7b and baichuan-inc/Baichuan2-7B-Chat',
    marks: [
      '<|action_start|>',
      '<|interpreter|>',
      '<eoh>',
      '<eoa>',
      '<reserved_106>',
      '<reserved_107>',
    ],
  },
  {
    models: 'Hunyuan, ERNIE',
    source: 'chat templates of tencent/Hunyuan-7B-Instruct and baidu/ERNIE-4.5-21B-A3B-PT',
    marks: [
      '<｜hy_User｜>',
      '<｜hy_Assistant｜>',
      '<｜hy_place▁holder▁no▁2｜>',
      '<|extra_0|>',
      '<|startoftext|>',
      '<|begin_of_sentence|>',
      '<response>',
    ],
  },
  {
    models: 'Nemotron',
    source: 'chat templates of nvidia/Minitron-8B and nvidia/NVIDIA-Nemotron-Nano-9B-v2',
    marks: ['<extra_id_0>', '<extra_id_1>', '<SPECIAL_10>', '<SPECIAL_11>', '<SPECIAL_12>'],
  },
  {
    models: 'Falcon',
    source: 'tokenizer of tiiuae/falcon-7b-instruct',
    marks: ['>>TITLE<<', '>>SUMMARY<<', '>>INTRODUCTION<<', '>>QUESTION<<', '>>ANSWER<<'],
  },
  {
    models: 'Alpaca, Solar',
    source: 'tatsu-lab/stanford_alpaca; chat template of upstage/SOLAR-10.7B-Instruct-v1.0',
    marks: [
      '### Instruction:',
      '### Input:',
      '### Response:',
      '### System:',
      '### User:',
      '### Assistant:',
    ],
  },
  {
    models: 'Vicuna, LLaVA-Med, OpenChat',
    source: 'lm-sys/FastChat conversation.py',
    marks: ['SYSTEM:', 'USER:', 'ASSISTANT:', 'GPT4 Correct User:', 'GPT4 Correct Assistant:'],
  },
  {
    models: 'Qwen with tools',
    source: 'QwenLM/Qwen-Agent, llm/fncall_prompts',
    marks: [
      '✿FUNCTION✿',
      '✿ARGS✿',
      '✿RESULT✿',
      '✿RETURN✿',
      '<tool_call>',
      '</tool_call>',
      '<tool_response>',
    ],
  },
  {
    models: 'images of Qwen-VL, InternVL, LLaVA',
    source: 'chat templates of Qwen/Qwen3-VL-8B-Instruct and OpenGVLab/InternVL3-8B',
    marks: [
      '<|vision_start|>',
      '<|vision_end|>',
      '<|image_pad|>',
      '<image>',
      '<img>',
      '</img>',
      '<IMG_CONTEXT>',
    ],
  },
  {
    models: 'any model on the command line of Ollama',
    source: 'ollama/ollama cmd/cmd.go',
    marks: ['Thinking...', '...done thinking.'],
  },
];
