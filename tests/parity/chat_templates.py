"""Chat templates in the style of the families, and chats to render with them.

`«…»` marks what a model has to write. A golden holds the template twice: without the marks, as the
family publishes it, and with {% generation %} blocks in their place, which say whose token is whose.
"""

GENERATE_CHATML = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
CHATML_TURN = (
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}«{{ message['content'] + '<|im_end|>' }}»{{ '\\n' }}"
    "{% else %}{{ message['content'] + '<|im_end|>\\n' }}{% endif %}{% endfor %}" + GENERATE_CHATML
)
ALTERNATE = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
)

SOURCES = {
    "chatml": "{% for message in messages %}" + CHATML_TURN,
    # A system prompt where the chat has none.
    "chatml_default": (
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}" + CHATML_TURN
    ),
    # The system prompt stands inside the first user's turn; content is stripped; BOS opens each turn.
    "llama2": (
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
        "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
        "{% set system_message = false %}{% endif %}{% for message in loop_messages %}" + ALTERNATE +
        "{% if loop.index0 == 0 and system_message != false %}"
        "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
        "{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
        "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
        "«{{ ' ' + content.strip() + ' ' + eos_token }}»{% endif %}{% endfor %}"
    ),
    "mistral": (
        "{{ bos_token }}{% for message in messages %}" + ALTERNATE + "{% if message['role'] == 'user' %}"
        "{{ '[INST] ' + message['content'] + '[/INST]' }}{% elif message['role'] == 'assistant' %}"
        "«{{ ' ' + message['content'] + eos_token }}»"
        "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
    ),
    "llama3": (
        "{% for message in messages %}{% if loop.index0 == 0 %}{{ bos_token }}{% endif %}"
        "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
        "{% if message['role'] == 'assistant' %}«{{ message['content'] | trim + '<|eot_id|>' }}»"
        "{% else %}{{ message['content'] | trim + '<|eot_id|>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
    ),
    "gemma": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}" + ALTERNATE +
        "{% if message['role'] == 'assistant' %}{{ '<start_of_turn>model\\n' }}"
        "«{{ message['content'] | trim + '<end_of_turn>' }}»{{ '\\n' }}{% else %}"
        "{{ '<start_of_turn>' + message['role'] + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
    ),
    "phi3": (
        "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'assistant' %}"
        "{{ '<|assistant|>\\n' }}«{{ message['content'] + '<|end|>' }}»{{ '\\n' }}{% else %}"
        "{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
    ),
    # Writes no BOS.
    "zephyr": (
        "{% for message in messages %}\n{% if message['role'] == 'assistant' %}\n"
        "{{ '<|assistant|>\\n' }}«{{ message['content'] + eos_token }}»{{ '\\n' }}{% else %}\n"
        "{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token }}\n{% endif %}\n"
        "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
    ),
    # Prints a date, and has generation blocks as published (`plain` keeps them).
    "smollm3": (
        "{%- set today = strftime_now('%d %B %Y') -%}\n"
        "{%- if messages[0].role == 'system' -%}\n  {%- set rest = messages[0].content -%}\n{%- else -%}\n"
        "  {%- set rest = 'You are a helpful AI assistant.' -%}\n{%- endif -%}\n"
        "<|im_start|>system\n## Metadata\n\n{{ 'Today Date: ' ~ today ~ '\\n\\n' -}}\n{{ rest ~ '<|im_end|>\\n' -}}\n"
        "{%- for message in messages -%}\n  {%- if message.role == 'user' -%}\n"
        "    {{ '<|im_start|>user\\n' + message.content + '<|im_end|>\\n' }}\n"
        "  {%- elif message.role == 'assistant' -%}\n    {% generation %}\n"
        "    {{ '<|im_start|>assistant\\n' + message.content.lstrip('\\n') + '<|im_end|>\\n' }}\n"
        "    {% endgeneration %}\n  {%- endif -%}\n{%- endfor -%}\n"
        "{%- if add_generation_prompt -%}\n{{ '<|im_start|>assistant\\n' }}\n{%- endif -%}\n"
    ),
    # Takes the reasoning out of all turns but the last.
    "qwen3": (
        "{%- set ns = namespace(last=-1) %}{%- for message in messages %}{%- if message.role == 'user' %}"
        "{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}{%- for message in messages %}"
        "{%- if message.role != 'assistant' %}"
        "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- else %}"
        "{%- set content = message.content %}{%- set reasoning = '' %}{%- if '</think>' in content %}"
        "{%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}"
        "{%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}"
        "{{- '<|im_start|>assistant\\n' }}{%- if loop.index0 > ns.last and (loop.last or reasoning) %}"
        "«{{- '<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content + '<|im_end|>' }}»{%- else %}"
        "«{{- content + '<|im_end|>' }}»{%- endif %}{{- '\\n' }}{%- endif %}{%- endfor %}" + GENERATE_CHATML
    ),
}

TEMPLATES = {
    name: (source.replace("«", "").replace("»", ""),
           source.replace("«", "{% generation %}").replace("»", "{% endgeneration %}"))
    for name, source in SOURCES.items()
}


def chat(*turns, system=None):
    messages = [] if system is None else [{"role": "system", "content": system}]
    return messages + [
        {"role": ["user", "assistant"][index % 2], "content": content} for index, content in enumerate(turns)]


CHATS = [
    chat("hello", "hi there"),
    chat("What is red?", "A colour.", system="Be brief."),
    chat("hello", "hi", "use the <sep> format", "the answer: 42"),
    chat("one", "two", "three", "four\n\nlines", "five", "six", system="Count to 10."),
    chat("  hello \n", "  the answer \n\n", "\nmore  ", "\n yes", system=" Be brief. \n"),
    chat("why?", "<think>\nbecause\n</think>\n\nso"),
    chat("why?", "<think>\nbecause\n</think>\n\nso", "and?", "<think>hm</think>no"),
    chat("été 模型 🙂", "def f(x):\n    return x\n"),
]
