"""What one can say in German, French, Spanish, Chinese, and in a language that we have no words for."""

from __future__ import annotations

from typing import Any

import pytest

COFFEE = "input_boolean.coffee"
TARGET = "input_number.target"

TABLES: dict[str, list[tuple[Any, ...]]] = {
    "de": [
        ("Ist die Kaffeemaschine an?", r"Nein, Kaffeemaschine ist aus\."),
        ("Schalte bitte die Kaffeemaschine ein", r"Kaffeemaschine ist jetzt an\.", {COFFEE: "on"}),
        ("Welche Schalter sind an?", r"Kaffeemaschine ist an\."),
        ("mach die Kaffeemaschine aus", r"Kaffeemaschine ist jetzt aus\.", {COFFEE: "off"}),
        ("Wie ist die Zieltemperatur?", r"Zieltemperatur ist 20 °C\."),
        ("Stelle die Zieltemperatur auf 21,5", r"Zieltemperatur ist jetzt 21,5 °C\.", {TARGET: "21.5"}),
        ("Stell den Hausmodus auf Eco", r"Hausmodus ist jetzt Eco\.", {"input_select.mode": "Eco"}),
        ("Erhöhe die Tassen um 2", r"Tassen ist jetzt 5\.", {"counter.cups": "5"}),
        ("Starte Gute Nacht", r"Gute Nacht ist gestartet\."),
        ("Stelle einen Timer auf anderthalb Stunden", r"Der Timer läuft: 1 Stunde und 30 Minuten\."),
        ("Wie lange noch?", r"Timer über 1 Stunde und 30 Minuten: noch 1 Stunde und (30|29) Minuten\."),
        ("Brich den Timer ab", r"Timer über .* ist abgebrochen\."),
        ("Erinnere mich in 10 Minuten daran, Wasser zu trinken",
         r"Ich erinnere dich in 10 Minuten, um 10:10: Wasser zu trinken",
         {"reminder.wasser_zu_trinken": "2026-06-01T10:10:00+02:00"}),
        ("Erinnere mich morgen um halb zehn an die Miete", r"Ich erinnere dich morgen um 09:30: die Miete"),
        ("Erinnere mich um 18 Uhr 30 an Mama", r"Ich erinnere dich heute um 18:30: Mama"),
        ("Erinnere mich an die Blumen", r"Wann soll ich dich erinnern\?.*"),
        ("übermorgen um 8 Uhr abends", r"Ich erinnere dich am Mittwoch um 20:00: die Blumen"),
        ("Welche Erinnerungen habe ich?", r"Deine Erinnerungen:\n• heute um 10:10: Wasser zu trinken\n.*"),
        ("Lösche die Erinnerung an die Miete", r"Die Erinnerung ist gestrichen: die Miete"),
        ("Lösche alle Erinnerungen", r"Alle 3 Erinnerungen sind gestrichen\."),
        ("Wie spät ist es?", r"Es ist 10:00 Uhr\."),
        ("Welcher Tag ist heute?", r"Heute ist Montag, 1\. Juni 2026\."),
        ("Was läuft?", r"Es laufen: .* und assist\.\nAlles ist in Ordnung\."),
        ("Was ist schiefgegangen?", r"Nichts ist schiefgegangen\..*"),
        ("Lade counter neu", r"Neu geladen\. counter läuft, seit .*"),
        ("Lade alles neu", r"Ich habe die Konfiguration neu gelesen; .*"),
        ("Schalte die Kafeemaschine ein",
         r"Ich kenne nichts, das „Kafeemaschine“ heißt\. Meinst du „Kaffeemaschine“\?"),
        ("Ja", r"Kaffeemaschine ist jetzt an\."),
        ("Hilfe", r"Ich kann sagen.*• „Schalte Kaffeemaschine ein“.*"),
        ("Quatsch mit Soße", r"Das habe ich nicht verstanden\. Versuch .*"),
        ("Danke!", r"Gern geschehen!"),
        ("Vergiss es", r"In Ordnung\."),
    ],
    "fr": [
        ("Est-ce que la machine à café est allumée ?", r"Non, Machine à café : éteint\."),
        ("Allume la machine a cafe", r"Machine à café : allumé maintenant\.", {COFFEE: "on"}),
        ("Quels interrupteurs sont allumés ?", r"allumé : Machine à café\."),
        ("éteins la machine à café s'il te plaît", r"Machine à café : éteint maintenant\.", {COFFEE: "off"}),
        ("Quelle est la température cible ?", r"Température cible : 20 °C\."),
        ("Règle la température cible à 21,5", r"Température cible : 21,5 °C maintenant\.", {TARGET: "21.5"}),
        ("Mets un minuteur d'une heure et demie", r"Minuteur lancé pour 1 heure et 30 minutes\."),
        ("Combien de temps reste-t-il ?", r"Minuteur de 1 heure et 30 minutes : encore .*"),
        ("Annule le minuteur", r"Minuteur de .* est annulé\."),
        ("Rappelle-moi dans 10 minutes de boire de l'eau",
         r"Je vous le rappellerai dans 10 minutes, à 10:10 : boire de l'eau"),
        ("rappelle-moi demain à 9 h 30 d'appeler Maman", r"Je vous le rappellerai demain à 09:30 : appeler Maman"),
        ("quels rappels ai-je ?", r"Vos rappels :\n• aujourd'hui à 10:10: boire de l'eau\n.*"),
        ("annule tous les rappels", r"Tous les rappels sont annulés \(2\)\."),
        ("Quelle heure est-il ?", r"Il est 10:00\."),
        ("Quel jour sommes-nous ?", r"Nous sommes le lundi 1 juin 2026\."),
        ("Qu'est-ce qui tourne ?", r"En marche : .*"),
        ("Qu'est-ce qui a échoué ?", r"Rien n'a échoué\. .*"),
        ("recharge tout", r"J'ai relu la configuration ; .*"),
        ("lance bonne nuit", r"J'ai lancé Bonne nuit\."),
        ("allume la machin à café", r"Je ne connais rien .* Vouliez-vous dire « Machine à café » \?"),
        ("oui", r"Machine à café : allumé maintenant\."),
        ("aide", r"Je peux dire .*"),
        ("merci", r"Avec plaisir !"),
    ],
    "es": [
        ("¿Está encendida la cafetera?", r"No, Cafetera: apagado\."),
        ("enciende la cafetera", r"Cafetera: ahora encendido\.", {COFFEE: "on"}),
        ("¿Qué interruptores están encendidos?", r"encendido: Cafetera\."),
        ("apaga la cafetera por favor", r"Cafetera: ahora apagado\.", {COFFEE: "off"}),
        ("¿Cuál es la temperatura objetivo?", r"Temperatura objetivo: 20 °C\."),
        ("pon la temperatura objetivo a 21,5", r"Temperatura objetivo: ahora 21,5 °C\.", {TARGET: "21.5"}),
        ("pon un temporizador de 5 minutos", r"Temporizador de 5 minutos en marcha\."),
        ("¿cuánto queda?", r"Temporizador de 5 minutos: quedan .*"),
        ("cancela el temporizador", r"Temporizador de 5 minutos: cancelado\."),
        ("recuérdame en 10 minutos beber agua", r"Te lo recordaré en 10 minutos, a las 10:10: beber agua"),
        ("recuérdame mañana a las 9 y media pagar el alquiler",
         r"Te lo recordaré mañana a las 09:30: pagar el alquiler"),
        ("recuerdame llamar a mamá hoy a las 8 de la tarde", r"Te lo recordaré hoy a las 20:00: llamar a mamá"),
        ("¿qué recordatorios tengo?", r"Tus recordatorios:\n• hoy a las 10:10: beber agua\n.*"),
        ("cancela el recordatorio del alquiler", r"Recordatorio cancelado: pagar el alquiler"),
        ("¿Qué hora es?", r"Son las 10:00\."),
        ("¿Qué día es hoy?", r"Hoy es lunes, 1 de junio de 2026\."),
        ("¿Qué está funcionando?", r"En marcha: .*"),
        ("¿Qué ha fallado?", r"No ha fallado nada\. .*"),
        ("recarga counter", r"Recargado\. counter está en marcha, .*"),
        ("enciende la cafetra", r"No conozco nada .* ¿Querías decir «Cafetera»\?"),
        ("sí", r"Cafetera: ahora encendido\."),
        ("ayuda", r"Puedo decirte .*"),
        ("gracias", r"¡De nada!"),
    ],
    "zh": [
        ("咖啡机开着吗？", r"不是，咖啡机：关着。"),
        ("打开咖啡机", r"咖啡机现在开着。", {COFFEE: "on"}),
        ("哪些开关开着？", r"开着的：咖啡机。"),
        ("把咖啡机关掉", r"咖啡机现在关着。", {COFFEE: "off"}),
        ("目标温度是多少？", r"目标温度：20 °C。"),
        ("把目标温度设为21.5", r"目标温度现在21\.5 °C。", {TARGET: "21.5"}),
        ("设置一个五分钟的计时器", r"计时器已设好：5分钟。"),
        ("还剩多久？", r"5分钟的计时器：还剩.*。"),
        ("取消计时器", r"5分钟的计时器已取消。"),
        ("10分钟后提醒我喝水", r"我会在10分钟后（10:10）提醒你：喝水", ),
        ("明天下午三点半提醒我开会", r"我会在明天15:30提醒你：开会"),
        ("我有哪些提醒？", r"你的提醒：\n• 今天10:10: 喝水\n.*"),
        ("取消开会的提醒", r"已取消提醒：开会"),
        ("现在几点？", r"现在是10:00。"),
        ("今天星期几？", r"今天是2026年6月1日 星期一。"),
        ("什么在运行？", r"正在运行：.*一切正常。"),
        ("什么出错了？", r"没有出错。一切正常。"),
        ("重新加载配置", r"我重新读取了配置，没有变化。"),
        ("运行晚安", r"已启动晚安。"),
        ("帮助", r"我可以告诉你.*“打开咖啡机”.*"),
        ("谢谢", r"不客气！"),
        ("算了", r"好的。"),
    ],
    "nl": [
        ("Zet Coffee machine aan", r".*", {COFFEE: "on"}),
        ("Zet Coffee machine uit", r".*", {COFFEE: "off"}),
        ("hoe laat is het", r"Het is 10:00"),
        ("welke schakelaars staan aan", r".*"),
        ("annuleer de timer", r".*"),
        ("laat maar", r"All right\."),
        ("turn on coffee machine", r"Aangezet", {COFFEE: "on"}),
        ("zet een timer voor 5 minuten", r"Timer gezet voor 5 minuten", {"timer.timer_of_5_minutes": "active"}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("language", "table"), TABLES.items(), ids=TABLES.keys())
async def test_what_can_be_said(home: Any, language: str, table: list[tuple[Any, ...]]) -> None:
    await home.begin(language)
    await home.walk(table)


async def test_each_message_may_have_its_own_language(home: Any) -> None:
    await home.begin("en")
    assert await home.says("Wie spät ist es?", language="de") == "Es ist 10:00 Uhr."
    assert await home.says("what time is it?") == "It is 10:00."
    assert await home.says("quelle heure est-il ?", language="fr-CA") == "Il est 10:00."


async def test_the_language_of_assist_over_that_of_the_house(home: Any) -> None:
    await home.begin("en", {"language": "de"})
    assert await home.says("Wie spät ist es?") == "Es ist 10:00 Uhr."


async def test_the_language_of_the_house_can_be_changed_while_it_runs(home: Any) -> None:
    await home.begin("en")
    assert await home.says("what time is it?") == "It is 10:00."
    text = (home.house.config_dir / "configuration.yaml").read_text().replace('"language": "en"', '"language": "es"')
    await home.house.apply(text)
    assert await home.says("¿Qué hora es?") == "Son las 10:00."
